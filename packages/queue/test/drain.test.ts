import type { Transport } from "@postroad/core";
import { Refusal, receipt, transport } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import type { Store } from "../src/index.ts";
import { memoryStore, queue, withQueueOptions } from "../src/index.ts";
import { bench, isEmpty } from "./bench.ts";
import { DAY, HOUR, MINUTE, START, bytes, mailTo, turns, until } from "./support.ts";

describe("drain", () => {
  it("delivers what was queued, before it started and after", async () => {
    const store = memoryStore();
    const to = fake();
    await queue(store).send(mailTo("before@y.example"));
    await using work = bench(to, {}, store);
    await work.inbox.send(mailTo("after@y.example", "after@z.example"));
    await until(() => isEmpty(store));
    expect(to.calls.map(({ recipients }) => recipients.join()).toSorted()).toEqual(["after@y.example", "after@z.example", "before@y.example"]);
    expect(to.calls.every((call) => Buffer.from(call.bytes ?? []).equals(bytes))).toBe(true);
    expect(work.of("settled").flatMap(({ outcomes }) => outcomes.map(({ kind }) => kind))).toEqual(["accepted", "accepted", "accepted"]);
  });

  it("M15: tries the deferred again, and nobody else", async () => {
    const to = fake({ "later@y.example": ["deferred", "deferred", "accepted"], "no@y.example": "rejected" });
    await using work = bench(to, { bounce: false });
    await work.inbox.send(mailTo("yes@y.example", "later@y.example", "no@y.example"));
    await to.call(1);
    await work.clock.advance(HOUR);
    await until(() => isEmpty(work.store));
    expect(to.calls.map(({ recipients }) => recipients)).toEqual([
      ["yes@y.example", "later@y.example", "no@y.example"],
      ["later@y.example"],
      ["later@y.example"],
    ]);
    expect(work.of("settled").map(({ outcomes }) => outcomes.map(({ kind }) => kind))).toEqual([["accepted", "rejected"], ["accepted"]]);
  });

  it("asks the store once for each attempt, however often an attempt is put off", async () => {
    const kept = memoryStore();
    let claims = 0;
    const claim: Store["claim"] = (request) => {
      claims += 1;
      return kept.claim(request);
    };
    const to = fake({ "later@y.example": "deferred" });
    await using work = bench(to, { bounce: false, schedule: () => MINUTE }, { ...kept, claim });
    await work.inbox.send(mailTo("later@y.example"));
    await to.call(1);
    await turns();
    const before = claims;
    await work.clock.advance(20 * MINUTE);
    expect(to.calls).toHaveLength(21);
    expect(claims - before).toBe(20);
  });

  it("M9: the default schedule waits half an hour after the first few attempts, and gives up after five days", async () => {
    const times: number[] = [];
    const to = fake({ "a@y.example": "deferred" }, { before: () => void times.push(work.clock.now()) });
    await using work = bench(to, { bounce: false });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => to.calls.length === 1);
    await work.clock.advance(6 * DAY);
    await until(() => isEmpty(work.store));
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(waits.slice(0, 5)).toEqual([1, 2, 4, 8, 16].map((minutes) => minutes * MINUTE));
    expect(waits.slice(5).every((wait) => wait >= 30 * MINUTE && wait <= 4 * HOUR)).toBe(true);
    expect((times.at(-1) ?? 0) - START).toBeGreaterThan(4 * DAY);
    expect((times.at(-1) ?? 0) - START).toBeLessThanOrEqual(5 * DAY);
    expect(work.of("settled")).toMatchObject([{ outcomes: [{ kind: "rejected", status: "5.4.7" }] }]);
  }, 60_000);

  it("M38: what expires is reported with the last reply", async () => {
    const reply = { code: 452, text: "4.2.2 mailbox full" };
    const to = fake({ "a@y.example": { kind: "deferred", status: "4.2.2", reply } });
    const bounce = fake({}, { name: "bounce" });
    await using work = bench(to, { bounce, delayAfter: false, maxAge: HOUR });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => to.calls.length === 1);
    await work.clock.advance(2 * HOUR);
    await until(() => isEmpty(work.store));
    const report = Buffer.from(bounce.calls[0]?.bytes ?? []).toString();
    expect(report).toContain("Status: 5.4.7");
    expect(report).toContain("452 4.2.2 mailbox full");
    expect(bounce.calls[0]).toMatchObject({ recipients: ["a@x.example"], mail: { envelope: { from: "" } } });
    expect(work.of("expired")).toHaveLength(1);
  });

  it("waits longer where the peer asks for it, within a day", async () => {
    const to = fake({ "a@y.example": [{ kind: "deferred", retryAfter: HOUR }, { kind: "deferred", retryAfter: 10 * DAY }, { kind: "deferred", retryAfter: Number.NaN }] });
    await using work = bench(to, { bounce: false });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("deferred").length === 1);
    await work.clock.advance(DAY + 2 * HOUR);
    await until(() => work.of("deferred").length >= 3);
    expect(work.of("deferred").slice(0, 3).map(({ at, dueAt }) => dueAt - at)).toEqual([HOUR, DAY, 4 * MINUTE]);
  });

  it("never attempts what has expired, however long it waited", async () => {
    const to = fake();
    await using work = bench(to, { bounce: false });
    await work.store.park("y.example", START + DAY);
    await work.inbox.send(withQueueOptions(mailTo("a@y.example"), { expiresAt: START + 10 * MINUTE }));
    await work.clock.advance(11 * MINUTE);
    await until(() => isEmpty(work.store));
    expect(to.calls).toHaveLength(0);
    expect(work.of("settled")).toMatchObject([{ outcomes: [{ status: "5.4.7" }] }]);
  });

  it("attempts once what is too old and was never tried, where its lane is alive", async () => {
    const store = memoryStore();
    await queue(store, { now: () => START - 6 * DAY }).send(mailTo("a@y.example"));
    const to = fake({ "a@y.example": "deferred" });
    await using work = bench(to, { bounce: false }, store);
    await until(() => isEmpty(store));
    expect(to.calls).toHaveLength(1);
    expect(work.of("settled")).toMatchObject([{ outcomes: [{ status: "5.4.7" }] }]);
  });

  it("keeps what fails as a dead letter where there is no bounce, and delivers it when a person says so", async () => {
    const to = fake({ "a@y.example": ["rejected", "accepted"] });
    await using work = bench(to);
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("dead").length === 1);
    const [letter] = await work.store.list({ state: "dead" });
    expect(letter).toMatchObject({ envelope: { to: [{ address: "a@y.example" }] }, attempts: 1 });
    expect(letter?.note).toContain("5.0.0 rejected by script");
    await work.store.change({ state: "dead" }, "retry", work.clock.now());
    await until(() => isEmpty(work.store));
    expect(to.calls).toHaveLength(2);
  });

  it("#56: survives transports that throw, reject, throw no Error, and settle twice", async () => {
    const thrown: unknown[] = [new Error("bug"), "no error", undefined, new Refusal("4.2.1", "not now")];
    let calls = 0;
    const broken: Transport = {
      name: "broken",
      send(mail) {
        calls += 1;
        if (calls === 1) throw new Error("sync");
        // oxlint-disable-next-line typescript/only-throw-error, typescript/prefer-promise-reject-errors -- that is the test
        if (calls - 2 < thrown.length) return Promise.reject(thrown[calls - 2]);
        return new Promise((resolve) => {
          resolve(receipt(mail, { kind: "accepted", status: "2.0.0", by: "broken" }));
          // oxlint-disable-next-line promise/no-multiple-resolved -- that is the test
          resolve(receipt(mail, { kind: "rejected", status: "5.0.0", by: "broken", message: "twice" }));
        });
      },
      check: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    await using work = bench(broken, { bounce: false });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("attempt").length === 1);
    await work.clock.advance(2 * HOUR);
    await until(() => isEmpty(work.store));
    expect(work.of("attempt").map(({ outcomes }) => outcomes[0]?.kind)).toEqual([...Array.from({ length: 5 }, () => "deferred"), "accepted"]);
  });

  it("#56: bounds a delivery that never settles, and holds it to be in doubt", async () => {
    const to = transport("stuck", () => new Promise(() => undefined));
    await using work = bench(to, { deadline: 10 * MINUTE, grace: MINUTE });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.worker.inFlight === 1);
    await work.clock.advance(12 * MINUTE);
    await until(() => work.of("deferred").length === 1);
    expect(work.of("deferred")).toMatchObject([{ outcomes: [{ status: "4.4.2", uncertain: true }] }]);
    expect((await work.store.list())[0]?.meta["postroad.doubt"]).toContain("stuck");
    const stopped = work.worker.stop({ within: 0 });
    await work.clock.advance(2 * MINUTE);
    await stopped;
    const disposed = work.worker[Symbol.asyncDispose]();
    await work.clock.advance(2 * MINUTE);
    await disposed;
  });

  it("#57: keeps as a dead letter what five workers died with, and others flow", async () => {
    const store = memoryStore();
    await queue(store).send(mailTo("poison@y.example"));
    for (let life = 0; life < 5; life += 1) await store.claim({ now: START + life * 1000, limit: 1, perLane: 1, ttl: 500, suspects: true });
    const to = fake();
    await using work = bench(to, {}, store);
    await work.inbox.send(mailTo("good@y.example"));
    await work.clock.advance(MINUTE);
    await until(() => work.of("dead").length === 1 && to.calls.length === 1);
    expect(work.of("dead")).toMatchObject([{ reason: "lapsed", recipients: ["poison@y.example"] }]);
    expect(to.calls[0]?.recipients).toEqual(["good@y.example"]);
  });
});
