import type { Mail } from "@postroad/core";
import { ConfigError, Refusal, merge, narrow, pick, transport, wrap } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { balance, failover, health } from "../src/index.ts";
import { anyScript, full, kinds, mailTo, people, unreachable } from "./support.ts";

testMiddleware({ name: "failover, its first", open: (next) => failover(next) });
testMiddleware({
  name: "failover, its second",
  open: (next) => failover(fake({}, { before: refuse, check: refuse, name: "down" }), next),
});

function refuse(): never {
  throw new Refusal("4.4.1", "refused");
}

const [ANN, BOB, CID, DAN] = people;

describe("failover", () => {
  it("sends each recipient on who was deferred, and nobody else", async () => {
    const first = fake({ [ANN]: "deferred", [BOB]: "rejected", [CID]: "uncertain" });
    const second = fake();
    await using both = failover(first, second);
    const { outcomes } = await both.send(mailTo(ANN, BOB, CID, DAN));
    expect(outcomes).toMatchObject([
      { kind: "accepted" },
      { kind: "rejected" },
      { kind: "deferred", uncertain: true },
      { kind: "accepted" },
    ]);
    expect(second.calls.map(({ recipients }) => recipients)).toEqual([[ANN]]);
  });

  it("symfony#50981: a recipient who is refused is no reason to go elsewhere or to pass a transport over", async () => {
    const first = fake({ [ANN]: { kind: "rejected", status: "5.1.1", reply: { code: 550, text: "no such user" } } });
    const second = fake();
    const known = health();
    await using both = failover(first, second, { health: known });
    for (let mail = 0; mail < 5; mail += 1) expect(kinds(await both.send(mailTo(ANN)))).toEqual(["rejected"]);
    expect(kinds(await both.send(mailTo(BOB)))).toEqual(["accepted"]);
    expect(second.calls).toHaveLength(0);
    expect(known.state(first)).toBe("up");
  });

  it("symfony#52551: one bad recipient does not black a transport out, however often it is tried", async () => {
    const known = health();
    const first = fake({ [ANN]: unreachable, [BOB]: full });
    const second = fake({ [ANN]: unreachable, [BOB]: full });
    await using both = failover(first, second, { health: known });
    const same = mailTo(ANN);
    for (let attempt = 0; attempt < 5; attempt += 1) await both.send(same);
    expect(known.state(first)).toBe("up");
    for (let mail = 0; mail < 5; mail += 1) await both.send(mailTo(BOB));
    expect(known.state(first)).toBe("up");
    await both.send(mailTo(CID));
    expect(first.calls.at(-1)?.recipients).toEqual([CID]);
  });

  it("symfony#50162: when all transports are down, mail still goes through as soon as one works", async () => {
    const known = health({ pause: 1_000_000 });
    const down = { [ANN]: unreachable };
    const [first, second] = [fake(down), fake(down)];
    await using both = failover(first, second, { health: known });
    for (let mail = 0; mail < 3; mail += 1) await both.send(mailTo(ANN));
    expect([known.state(first), known.state(second)]).toEqual(["down", "down"]);
    expect(kinds(await both.send(mailTo(BOB)))).toEqual(["accepted"]);
    expect(known.state(first)).toBe("up");
  });

  it("symfony#41419: goes on after whatever the first one comes up with that precedes acceptance", async () => {
    const odd = { kind: "deferred", status: "4.5.0", message: "not SMTP", reply: { code: 399, text: "?" } } as const;
    for (const verdict of [odd, unreachable, full, "deferred"] as const) {
      await using both = failover(fake({ [ANN]: verdict }), fake());
      expect(kinds(await both.send(mailTo(ANN)))).toEqual(["accepted"]);
    }
  });

  it("passes over a transport without connection for a while, then lets one mail probe it", async () => {
    let time = 0;
    const known = health({ failures: 2, pause: 1000, now: () => time });
    const first = fake({ [ANN]: unreachable });
    const second = fake();
    await using both = failover(first, second, { health: known });
    await both.send(mailTo(ANN));
    await both.send(mailTo(ANN));
    await both.send(mailTo(BOB));
    expect([first.calls.length, second.calls.length]).toEqual([2, 3]);

    time = 1000;
    first.hold();
    const probe = both.send(mailTo(BOB));
    await first.call(3);
    await both.send(mailTo(BOB));
    expect([first.calls.length, second.calls.length]).toEqual([3, 4]);
    first.release();
    await probe;
    expect(known.state(first)).toBe("up");
    await both.send(mailTo(BOB));
    expect(first.calls).toHaveLength(4);
  });

  it("asks who is passed over only where nobody else has a connection", async () => {
    const known = health({ failures: 1, pause: 1_000_000 });
    const first = fake({ [ANN]: unreachable });
    const second = fake({ [BOB]: full, [CID]: unreachable });
    await using both = failover(first, second, { health: known });
    await both.send(mailTo(ANN));
    expect((await both.send(mailTo(BOB))).outcomes).toMatchObject([{ kind: "deferred", status: "4.2.2" }]);
    expect(first.calls).toHaveLength(1);
    expect(kinds(await both.send(mailTo(CID)))).toEqual(["accepted"]);
    expect(first.calls).toHaveLength(2);
  });

  it("counts failures in a row: one mail that is answered begins anew", async () => {
    const known = health({ failures: 2 });
    const first = fake({ [ANN]: unreachable });
    await using both = failover(first, fake(), { health: known });
    for (const to of [ANN, BOB, ANN]) await both.send(mailTo(to));
    expect(known.state(first)).toBe("up");
    await both.send(mailTo(ANN));
    expect(known.state(first)).toBe("down");
  });

  it("goes no further after an abort, and keeps what the first one said", async () => {
    const stop = new AbortController();
    const first = fake({ [ANN]: full }, { name: "first", before: () => stop.abort() });
    const second = fake();
    await using both = failover(first, second);
    expect((await both.send(mailTo(ANN), stop)).outcomes).toMatchObject([{ by: "first", status: "4.2.2" }]);
    expect(second.calls).toHaveLength(0);
  });

  it("sends no copy elsewhere where an abort inside a transport may have come too late", async () => {
    const late = new AbortController();
    const posting = transport("posting", (_, { signal }) => {
      late.abort(new Refusal("4.4.7", "too late"));
      return Promise.reject(signal?.reason);
    });
    const second = fake();
    await using both = failover(wrap("timed", posting, (mail) => posting.send(mail, late)), second);
    expect((await both.send(mailTo(ANN))).outcomes).toMatchObject([{ kind: "deferred", status: "4.4.7", uncertain: true }]);
    expect(second.calls).toHaveLength(0);
  });

  it("forgets a doubt that an acceptance has ended", async () => {
    const first = fake({ [ANN]: ["uncertain", "accepted", "deferred"] });
    const second = fake();
    await using both = failover(first, second);
    const mail = mailTo(ANN);
    for (let time = 0; time < 3; time += 1) await both.send(mail);
    expect([first.calls.length, second.calls.length]).toEqual([3, 1]);
  });

  it("a probe that fails passes it over for as long again", async () => {
    let time = 0;
    const known = health({ failures: 1, pause: 1000, now: () => time });
    const first = fake({ [ANN]: unreachable });
    await using both = failover(first, fake(), { health: known });
    await both.send(mailTo(ANN));
    time = 1500;
    expect(known.state(first)).toBe("due");
    await both.send(mailTo(ANN));
    time = 2499;
    expect(known.state(first)).toBe("down");
    time = 2500;
    expect(known.state(first)).toBe("due");
  });

  it("an abort shows nothing of a transport, and ends a probe", async () => {
    let time = 0;
    const known = health({ failures: 1, pause: 1000, now: () => time });
    const first = fake({ [ANN]: unreachable });
    const second = fake();
    await using both = failover(first, second, { health: known });
    await both.send(mailTo(ANN));
    time = 1000;
    const stop = new AbortController();
    first.hold();
    const sending = both.send(mailTo(BOB), stop);
    await first.call(2);
    stop.abort();
    expect(kinds(await sending)).toEqual(["deferred"]);
    expect(known.state(first)).toBe("due");
    expect(second.calls).toHaveLength(1);
  });

  it("tells a server that closes or refuses us from one that refuses a mail", async () => {
    for (const [verdict, state] of [
      [{ kind: "deferred", status: "4.3.2", reply: { code: 421, text: "closing" } }, "down"],
      [{ kind: "deferred", status: "4.7.0", reply: { code: 554, text: "go away" } }, "down"],
      [{ kind: "deferred", status: "4.7.8", reply: { code: 454, text: "login" } }, "down"],
      [{ kind: "deferred", status: "4.7.5" }, "down"],
      [{ kind: "deferred", status: "4.4.2", uncertain: true }, "down"],
      [{ kind: "deferred", status: "4.4.1", reply: { code: 451, text: "cannot verify" } }, "up"],
      [{ kind: "deferred", status: "4.7.1", reply: { code: 450, text: "greylisted" } }, "up"],
      [{ kind: "deferred", status: "4.6.0" }, "up"],
      [{ kind: "rejected", status: "5.1.1" }, "up"],
    ] as const) {
      const known = health({ failures: 1 });
      const first = fake({ [ANN]: verdict });
      await using only = failover(first, { health: known });
      await only.send(mailTo(ANN));
      expect(known.state(first), verdict.status).toBe(state);
      await only.send(mailTo(ANN, BOB));
      expect(known.state(first), verdict.status).toBe("up");
    }
  });

  it("shares what it knows with whoever has the same health", async () => {
    const known = health({ failures: 1 });
    const first = fake({ [ANN]: unreachable });
    await using both = failover(first, fake(), { health: known });
    const other = fake({}, { name: "other" });
    await using shared = balance([first, other], { health: known });
    await both.send(mailTo(ANN));
    for (let mail = 0; mail < 4; mail += 1) await shared.send(mailTo(BOB));
    expect([first.calls.length, other.calls.length]).toEqual([1, 4]);
  });

  it("a retry around it goes back to the transport that may have the mail, and to no other", async () => {
    const first = fake({ [ANN]: ["uncertain", "deferred", "accepted"], [BOB]: "deferred" });
    const second = fake({ [BOB]: ["deferred", "accepted"] });
    await using both = failover(first, second);
    const mail = mailTo(ANN, BOB);
    let report = await both.send(mail);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const part = narrow(mail, pick(mail, report, ({ kind }) => kind === "deferred"));
      const again = await both.send(part);
      const doubt = again.outcomes.find(({ recipient }) => recipient === ANN);
      expect(doubt).toMatchObject(attempt === 0 ? { kind: "deferred", uncertain: true } : { kind: "accepted" });
      report = merge(mail, report, again);
    }
    expect(kinds(report)).toEqual(["accepted", "accepted"]);
    expect(second.calls.flatMap(({ recipients }) => recipients)).toEqual([BOB, BOB]);
  });

  it("keeps what was accepted when a transport breaks the contract", async () => {
    const breaking = { ...fake(), name: "breaking", send: () => Promise.reject(new TypeError("broken")) };
    await using both = failover(fake({ [BOB]: "deferred" }), breaking, fake());
    const { outcomes } = await both.send(mailTo(ANN, BOB));
    expect(outcomes).toMatchObject([{ kind: "accepted" }, { kind: "deferred", by: "breaking", uncertain: true }]);
  });

  it("can send when any can, and says why where none can", async () => {
    const down = (name: string) => fake({}, { name, check: refuse });
    await using one = failover(down("a"), fake());
    await expect(one.check()).resolves.toBeUndefined();
    await using none = failover(down("a"), down("b"));
    await expect(none.check()).rejects.toMatchObject({
      status: "4.4.1",
      message: "nothing in failover(a b) can send; a: refused; b: refused",
    });
  });

  it("prints as an expression, and disposes each once, whatever the others do", async () => {
    const broken = transport("broken", () => Promise.reject(new Error()), {
      dispose() {
        throw new Error("will not close");
      },
    });
    const [a, b] = [fake({}, { name: "smtp:a" }), fake({}, { name: "resend" })];
    const all = failover(a, broken, b, a);
    expect(all.name).toBe("failover(smtp:a broken resend smtp:a)");
    await expect(all[Symbol.asyncDispose]()).rejects.toThrow("will not close");
    expect([a.disposed, b.disposed]).toEqual([1, 1]);
  });

  it("refuses no transports, what is none, and options that are wrong", () => {
    expect(() => failover()).toThrow(ConfigError);
    expect(() => failover({})).toThrow("failover: needs at least one transport");
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => failover(fake(), undefined, fake())).toThrow("[1] must be a transport");
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => failover(fake(), { helth: health() })).toThrow("did you mean health");
    expect(() => health({ pause: 0 })).toThrow("health: pause must be");
    expect(() => health({ failures: Infinity })).toThrow("health: failures must be");
  });

  it("whatever each transport says: nobody gets a second copy, and nobody is lost", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyScript, { minLength: 1, maxLength: 3 }), fc.nat(3), async (scripts, retries) => {
        const members = scripts.map((script, index) => fake(script, { name: `fake${index}` }));
        await using all = failover(...members);
        const mail = mailTo(...people);
        let report = await all.send(mail);
        for (let attempt = 0; attempt < retries; attempt += 1) report = merge(mail, report, await again(mail));
        expect(report.outcomes.map(({ recipient }) => recipient)).toEqual(people);
        for (const { recipient, kind } of report.outcomes) {
          const told = members.map(({ calls }) =>
            calls.flatMap(({ outcomes }) => (outcomes ?? []).filter((o) => o.recipient === recipient)),
          );
          const accepted = told.flat().filter((outcome) => outcome.kind === "accepted").length;
          expect(accepted).toBe(kind === "accepted" ? 1 : 0);
          const doubtful = told.filter((each) => each.some((o) => o.kind === "deferred" && o.uncertain === true));
          expect(doubtful.length).toBeLessThanOrEqual(1);
        }

        async function again(whole: Mail) {
          const left = pick(whole, report, ({ kind }) => kind === "deferred");
          const part = narrow(whole, left);
          return left.length === 0 ? report : merge(part, await all.send(part));
        }
      }),
      { numRuns: 300 },
    );
  });
});
