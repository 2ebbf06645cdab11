import type { Deferred, ForAll, Outcome, Receipt } from "@postroad/core";
import { ConfigError, MAX_TIMER, Refusal, backoff, compose } from "@postroad/core";
import type { FakeVerdict } from "@postroad/testing";
import { fake, testMiddleware } from "@postroad/testing";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Retry } from "../src/index.ts";
import { retry } from "../src/index.ts";
import { fakeClock, mailTo } from "./support.ts";

const soon = backoff({ first: 1, max: 1, until: 3, jitter: 0 });
const steady = backoff({ first: 1000, factor: 2, until: 60_000, jitter: 0 });
const [ANN, BOB, CID] = ["ann@example.net", "bob@example.net", "cid@example.net"] as const;

testMiddleware({ name: "retry", capabilities: ["resends"], open: (next) => retry(soon)(next) });
testMiddleware({
  name: "retry of the uncertain",
  capabilities: ["resends"],
  open: (next) => retry(soon, { uncertain: "retry" })(next),
});

function kinds({ outcomes }: Receipt): readonly Outcome["kind"][] {
  return outcomes.map(({ kind }) => kind);
}

function deferred(facts: Partial<ForAll<Deferred>> = {}): FakeVerdict {
  return { kind: "deferred", ...facts };
}

describe("retry", () => {
  it("M15: sends the same bytes again to the deferred only, as long as the schedule says", async () => {
    const waits: number[] = [];
    const clock = fakeClock(waits);
    const next = fake({ [BOB]: ["deferred", "deferred", "accepted"], [CID]: "rejected" });
    await using tried = compose(retry(steady, clock), next);
    const mail = mailTo(ANN, BOB, CID);
    expect(kinds(await tried.send(mail))).toEqual(["accepted", "accepted", "rejected"]);
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([[ANN, BOB, CID], [BOB], [BOB]]);
    expect(next.calls.every((call) => call.mail.content === mail.content)).toBe(true);
    expect(waits).toEqual([1000, 2000]);
  });

  it("never sends again after a rejection, nor after a deferral that became one", async () => {
    const next = fake({ [ANN]: "rejected", [BOB]: ["deferred", "rejected", "accepted"] });
    await using tried = retry(steady, fakeClock())(next);
    expect(kinds(await tried.send(mailTo(ANN, BOB)))).toEqual(["rejected", "rejected"]);
    expect(next.calls).toHaveLength(2);
  });

  it("leaves the uncertain alone, or tries them at the same peer where that is the policy", async () => {
    const script = { [ANN]: ["uncertain", "accepted"], [BOB]: ["deferred", "accepted"] } as const;
    const stopping = fake(script);
    await using careful = retry(steady, fakeClock())(stopping);
    const { outcomes } = await careful.send(mailTo(ANN, BOB));
    expect(outcomes).toMatchObject([{ kind: "deferred", uncertain: true }, { kind: "accepted" }]);
    expect(stopping.calls.map(({ recipients }) => recipients)).toEqual([[ANN, BOB], [BOB]]);

    const retrying = fake(script);
    await using eager = retry(steady, { ...fakeClock(), uncertain: "retry" })(retrying);
    expect(kinds(await eager.send(mailTo(ANN, BOB)))).toEqual(["accepted", "accepted"]);
    expect(retrying.calls.map(({ recipients }) => recipients)).toEqual([[ANN, BOB], [ANN, BOB]]);
  });

  it("keeps the doubt about who was tried again and is still deferred", async () => {
    const next = fake({ [ANN]: ["uncertain", "deferred"] });
    await using tried = retry(steady, { ...fakeClock(), uncertain: "retry", attempts: 3 })(next);
    const { outcomes } = await tried.send(mailTo(ANN));
    expect(outcomes).toMatchObject([{ kind: "deferred", uncertain: true }]);
    expect(next.calls).toHaveLength(3);
  });

  it("waits as long as the peer asks for, where that is longer than the schedule", async () => {
    const waits: number[] = [];
    const clock = fakeClock(waits);
    const next = fake({ [ANN]: [deferred({ retryAfter: 7000 }), deferred({ retryAfter: 10 }), "accepted"] });
    await using tried = retry(steady, clock)(next);
    await tried.send(mailTo(ANN));
    expect(waits).toEqual([7000, 2000]);
  });

  it("does not wait for a peer that asks for more than the budget, nor lets it hold up the others", async () => {
    const waits: number[] = [];
    const clock = fakeClock(waits);
    const next = fake({ [ANN]: deferred({ retryAfter: 20_001 }), [BOB]: ["deferred", "accepted"] });
    await using tried = retry(steady, { ...clock, budget: 20_000 })(next);
    const { outcomes } = await tried.send(mailTo(ANN, BOB));
    expect(outcomes).toMatchObject([{ kind: "deferred", retryAfter: 20_001 }, { kind: "accepted" }]);
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([[ANN, BOB], [BOB]]);
    expect(waits).toEqual([1000]);
  });

  it("begins no attempt past the budget", async () => {
    const waits: number[] = [];
    const clock = fakeClock(waits);
    const next = fake({ [ANN]: "deferred" });
    await using tried = retry(backoff({ first: 1000, factor: 1, jitter: 0 }), { ...clock, budget: 3500 })(next);
    await tried.send(mailTo(ANN));
    expect(waits).toEqual([1000, 1000, 1000]);
  });

  it("waits a minute for what looks like greylisting, by code and status", async () => {
    const greylisted = deferred({ status: "4.7.1", reply: { code: 451, text: "4.7.1 try again later" } });
    const waits: number[] = [];
    const clock = fakeClock(waits);
    await using tried = retry(steady, clock)(fake({ [ANN]: [greylisted, "accepted"] }));
    expect(kinds(await tried.send(mailTo(ANN)))).toEqual(["accepted"]);
    expect(waits).toEqual([60_000]);
  });

  it("takes hints by code and status or by status alone, and never from the text", async () => {
    const full = deferred({ status: "4.2.2", reply: { code: 452, text: "greylisted, 450 4.7.1" } });
    const hints = { "4.2.2": 5000, "450 4.2.2": 9000 };
    const waits: number[] = [];
    const clock = fakeClock(waits);
    await using tried = retry(steady, { ...clock, hints })(fake({ [ANN]: [full, "accepted"] }));
    await tried.send(mailTo(ANN));
    expect(waits).toEqual([5000]);
  });

  it("#77: makes no more attempts than allowed, whatever the schedule says", async () => {
    const next = fake({ [ANN]: "deferred" });
    await using tried = retry(() => 0, { ...fakeClock(), attempts: 4 })(next);
    await tried.send(mailTo(ANN));
    expect(next.calls).toHaveLength(4);
    await using single = retry(() => 0, { attempts: 1 })(next);
    await single.send(mailTo(ANN));
    expect(next.calls).toHaveLength(5);
  });

  it("tells before each wait what is to come", async () => {
    const told: Retry[] = [];
    const next = fake({ [ANN]: ["deferred", "accepted"] });
    await using tried = retry(steady, { ...fakeClock(), onRetry: (event) => told.push(event) })(next);
    const mail = mailTo(ANN, BOB);
    await tried.send(mail);
    expect(told).toEqual([{ mail, attempt: 2, wait: 1000, recipients: [{ address: ANN }] }]);
  });
});

describe("retry, interrupted", () => {
  it("an abort ends the wait: who was deferred stays so, who was accepted too", async () => {
    const stop = new AbortController();
    const next = fake({ [BOB]: "deferred" });
    const hour = backoff({ first: 3_600_000, jitter: 0 });
    await using tried = retry(hour, { budget: MAX_TIMER, onRetry: () => queueMicrotask(() => stop.abort()) })(next);
    const { outcomes } = await tried.send(mailTo(ANN, BOB), stop);
    expect(outcomes).toMatchObject([{ kind: "accepted" }, { kind: "deferred", by: "fake" }]);
    expect(outcomes[1]).not.toHaveProperty("uncertain");
    expect(next.calls).toHaveLength(1);
  });

  it("an abort during a later attempt loses nothing either", async () => {
    const stop = new AbortController();
    const next = fake(
      { [BOB]: "deferred" },
      { before: ({ recipients }) => (recipients.length === 1 ? stop.abort() : undefined) },
    );
    await using tried = retry(steady, fakeClock())(next);
    expect(kinds(await tried.send(mailTo(ANN, BOB), stop))).toEqual(["accepted", "deferred"]);
    expect(next.calls).toHaveLength(2);
  });

  it("disposal ends the wait and not the attempt", async () => {
    const next = fake({ [BOB]: "deferred" });
    const waiting = Promise.withResolvers<void>();
    const onRetry = (): void => waiting.resolve();
    const tried = retry(backoff({ first: 3_600_000 }), { budget: MAX_TIMER, onRetry })(next);
    const sending = tried.send(mailTo(ANN, BOB));
    await waiting.promise;
    await tried[Symbol.asyncDispose]();
    expect(kinds(await sending)).toEqual(["accepted", "deferred"]);
    expect(next.disposed).toBe(1);
  });

  it("a schedule, clock or hook that throws ends the retries, changes no outcome, and is warned of", async () => {
    const fail = (): never => {
      throw new TypeError("broken");
    };
    let asked = 0;
    const stopped = (): number => (asked++ === 0 ? 0 : fail());
    for (const [schedule, options] of [
      [fail, {}],
      [steady, { onRetry: fail }],
      [steady, { sleep: fail }],
      [steady, { now: stopped }],
    ] as const) {
      const warned = once(process, "warning");
      const next = fake({ [BOB]: "deferred" });
      await using tried = retry(schedule, options)(next);
      const report = await tried.send(mailTo(ANN, BOB));
      expect(report).toEqual(await fake({ [BOB]: "deferred" }).send(mailTo(ANN, BOB)));
      expect(next.calls).toHaveLength(1);
      expect(await warned).toMatchObject([{ name: "PostroadWarning", message: expect.stringContaining("broken") }]);
    }
  });

  it("tries again after a Refusal, and not after a bug, which is in doubt", async () => {
    for (const [error, calls] of [
      [new Refusal("4.4.1", "refused"), 2],
      [new Error("bug"), 1],
    ] as const) {
      let failures = 0;
      const before = (): void => {
        failures += 1;
        if (failures === 1) throw error;
      };
      const next = fake({}, { before });
      await using tried = retry(steady, fakeClock())(next);
      await tried.send(mailTo(ANN));
      expect(next.calls).toHaveLength(calls);
    }
  });
});

it("keeps what was accepted when next breaks the contract and throws, and does not go on", async () => {
  const inner = fake({ [BOB]: "deferred" });
  let calls = 0;
  await using tried = retry(steady, fakeClock())({
    ...inner,
    send(mail, options) {
      calls += 1;
      return calls === 1 ? inner.send(mail, options) : Promise.reject(new RangeError("broken"));
    },
  });
  const { outcomes } = await tried.send(mailTo(ANN, BOB));
  expect(outcomes).toMatchObject([{ kind: "accepted" }, { kind: "deferred", uncertain: true }]);
  expect(calls).toBe(2);
});

describe("retry's options", () => {
  it("#76: refuses budgets, attempts and policies that cannot be", () => {
    for (const [path, wrong] of [
      ["budget", 0],
      ["budget", -1],
      ["budget", Infinity],
      ["budget", MAX_TIMER + 1],
      ["attempts", 0],
      ["attempts", 1.5],
      ["uncertain", "maybe"],
      ["hints", { "5.1.1": 10 }],
      ["hints", { "4.2.2": -1 }],
      ["hints", "4.2.2"],
      ["onRetry", true],
    ] as const) {
      const make = (): unknown => retry(steady, { [path]: wrong });
      expect(make, path).toThrow(ConfigError);
      expect(make, path).toThrow(`retry: ${path} `);
    }
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => retry({ first: 10 })).toThrow("schedule must be a Schedule, such as backoff(");
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => retry(steady, { attempt: 2 })).toThrow("did you mean attempts");
  });

  it("#55: a schedule of nonsense neither loops nor waits for ever", async () => {
    for (const [wrong, calls] of [
      [Number.NaN, 1],
      [Infinity, 1],
      [MAX_TIMER + 1, 1],
      [undefined, 1],
      [-5, 10],
    ] as const) {
      const waits: number[] = [];
      const clock = fakeClock(waits);
      const next = fake({ [ANN]: "deferred" });
      await using tried = retry(() => wrong, clock)(next);
      await tried.send(mailTo(ANN));
      expect(next.calls, String(wrong)).toHaveLength(calls);
      expect(waits.every((wait) => wait >= 1)).toBe(true);
    }
  });

  it("#55: a retryAfter of nonsense does no harm, and a clock that steps no busy loop", async () => {
    for (const retryAfter of [Number.NaN, -1, Infinity, 2 ** 40]) {
      const next = fake({ [ANN]: [deferred({ retryAfter }), "accepted"] });
      await using tried = retry(steady, fakeClock())(next);
      await tried.send(mailTo(ANN));
      expect(next.calls).toHaveLength(retryAfter > 300_000 ? 1 : 2);
    }
    const { sleep } = fakeClock();
    const times = [0, -1e12, 1e12];
    const next = fake({ [ANN]: "deferred" });
    await using tried = retry(steady, { sleep, now: () => times.shift() ?? Number.NaN })(next);
    await tried.send(mailTo(ANN));
    expect(next.calls).toHaveLength(2);
  });
});
