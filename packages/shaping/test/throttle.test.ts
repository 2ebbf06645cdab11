import { compose, ConfigError } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ThrottleStore } from "../src/index.ts";
import { byDomain, memoryStore, throttle } from "../src/index.ts";
import { mailTo, settle, standingClock } from "./support.ts";

testMiddleware({ name: "throttle", open: throttle({ rate: 1_000_000, burst: 1000 }) });

describe("throttle", () => {
  it("lets a burst through at once and the rest at its rate", async () => {
    const clock = standingClock();
    const times: number[] = [];
    const next = fake({}, { before: () => void times.push(clock.now()) });
    const throttled = compose(throttle({ rate: 2, per: 1000, burst: 3, clock }), next);
    const sends = Array.from({ length: 6 }, () => throttled.send(mailTo("ann@x.example")));
    await clock.advance(10_000);
    await Promise.all(sends);
    expect(times).toEqual([0, 0, 0, 500, 1000, 1500]);
  });

  it("keeps a rate for each lane", async () => {
    const clock = standingClock();
    const next = fake();
    const throttled = compose(throttle({ rate: 1, burst: 1, lane: byDomain, clock }), next);
    const sends = ["ann@x.example", "bob@x.example", "cid@y.example"].map((to) => throttled.send(mailTo(to)));
    await settle();
    expect(next.calls.map(({ recipients }) => recipients[0])).toEqual(["ann@x.example", "cid@y.example"]);
    await clock.advance(1000);
    await Promise.all(sends);
  });

  it("counts recipients where told, and lets a mail for more than the bucket holds go into debt", async () => {
    const clock = standingClock();
    const times: number[] = [];
    const next = fake({}, { before: () => void times.push(clock.now()) });
    const throttled = compose(throttle({ rate: 1, burst: 2, count: "recipients", clock }), next);
    const to = ["a@x.example", "b@x.example", "c@x.example"];
    const sends = [throttled.send(mailTo(...to)), throttled.send(mailTo("d@x.example"))];
    await clock.advance(10_000);
    await Promise.all(sends);
    expect(times).toEqual([0, 2000]);
  });

  it("lets one that waits step out when its signal aborts, which costs the others nothing", async () => {
    const clock = standingClock();
    const next = fake();
    const throttled = compose(throttle({ rate: 1, burst: 1, clock }), next);
    const stop = new AbortController();
    const first = throttled.send(mailTo("ann@x.example"));
    const second = throttled.send(mailTo("bob@x.example"), stop);
    const third = throttled.send(mailTo("cid@x.example"));
    await settle();
    stop.abort();
    expect((await second).outcomes[0]).toMatchObject({ kind: "deferred", status: "4.3.2" });
    expect((await second).outcomes[0]).not.toHaveProperty("uncertain");
    await clock.advance(1000);
    await Promise.all([first, third]);
    expect(next.calls.map(({ recipients }) => recipients[0])).toEqual(["ann@x.example", "cid@x.example"]);
    expect(clock.tasks).toBe(0);
  });

  it("defers with 4.3.0 what finds the line full", async () => {
    const throttled = compose(throttle({ rate: 1, burst: 1, waiting: 0, clock: standingClock() }), fake());
    const sends = [throttled.send(mailTo("ann@x.example")), throttled.send(mailTo("bob@x.example"))];
    expect((await Promise.all(sends)).map(({ outcomes }) => outcomes[0]?.status)).toEqual(["2.0.0", "4.3.0"]);
  });

  it("shares the rate with others that share its store", async () => {
    const clock = standingClock();
    const store = memoryStore(clock);
    const next = fake();
    const shared = { rate: 1, burst: 1, store, clock };
    const [one, other] = [compose(throttle(shared), next), compose(throttle(shared), next)];
    const sends = [one.send(mailTo("ann@x.example")), other.send(mailTo("bob@x.example"))];
    await settle();
    expect(next.calls).toHaveLength(1);
    await clock.advance(1000);
    await Promise.all(sends);
    expect(next.calls).toHaveLength(2);
  });

  it("defers without doubt where the store fails", async () => {
    const store: ThrottleStore = { take: () => Promise.reject(new Error("store is down")) };
    const { outcomes } = await compose(throttle({ rate: 1, store }), fake()).send(mailTo("ann@x.example"));
    expect(outcomes[0]).toMatchObject({ kind: "deferred", status: "4.3.0" });
    expect(outcomes[0]).not.toHaveProperty("uncertain");
  });

  it("waits for a silent store no longer than storeTimeout, and then defers all who wait, without doubt", async () => {
    const clock = standingClock();
    const answers: (number | Promise<number>)[] = [new Promise(() => undefined), Promise.resolve(0)];
    let asked = 0;
    const store: ThrottleStore = { take: () => answers[asked++] ?? 0 };
    const throttled = compose(throttle({ rate: 1, store, storeTimeout: 2000, clock }), fake());
    const sends = Array.from({ length: 3 }, () => throttled.send(mailTo("ann@x.example")));
    await clock.advance(1999);
    expect(asked).toBe(1);
    await clock.advance(1);
    for (const { outcomes } of await Promise.all(sends)) {
      expect(outcomes[0]).toMatchObject({ kind: "deferred", status: "4.3.0", retryAfter: 2000 });
      expect(outcomes[0]).not.toHaveProperty("uncertain");
    }
    expect(asked).toBe(1);
    expect((await throttled.send(mailTo("ann@x.example"))).outcomes[0]?.kind).toBe("accepted");
    expect(clock.tasks).toBe(0);
  });

  it("lets one that waits for a silent store step out when its signal aborts, and the next one ask", async () => {
    const clock = standingClock();
    let asked = 0;
    const store: ThrottleStore = { take: () => ((asked += 1) === 1 ? new Promise(() => undefined) : Promise.resolve(0)) };
    const throttled = compose(throttle({ rate: 1, store, clock }), fake());
    const stop = new AbortController();
    const sends = [throttled.send(mailTo("ann@x.example"), stop), throttled.send(mailTo("bob@x.example"))];
    await settle();
    stop.abort();
    const [first, second] = await Promise.all(sends);
    expect(first?.outcomes[0]).toMatchObject({ kind: "deferred", status: "4.3.2" });
    expect(second?.outcomes[0]?.kind).toBe("accepted");
    expect(clock.tasks).toBe(0);
  });

  it("is disposed once a silent store has had its time, however many wait", async () => {
    const clock = standingClock();
    const store: ThrottleStore = { take: () => new Promise(() => undefined) };
    const next = fake();
    const throttled = compose(throttle({ rate: 1, store, clock }), next);
    const sends = Array.from({ length: 10 }, () => throttled.send(mailTo("ann@x.example")));
    const disposed = throttled[Symbol.asyncDispose]();
    await clock.advance(5000);
    await disposed;
    expect(next.disposed).toBe(1);
    expect((await Promise.all(sends)).every(({ outcomes }) => outcomes[0]?.status === "4.3.0")).toBe(true);
  });

  it("refuses options that are missing, wrong or unknown", () => {
    const given = [{}, { rate: 0 }, { rate: 1, per: 2 ** 31 }, { rate: 1, burst: -1 }, { rate: 1, count: "bytes" }];
    // @ts-expect-error JavaScript callers can pass anything
    for (const options of given) expect(() => throttle(options)).toThrow(ConfigError);
  });
});

describe("memoryStore", () => {
  const asked = fc.array(fc.record({ after: fc.integer({ min: 0, max: 3000 }), tokens: fc.integer({ min: 1, max: 3 }) }), { minLength: 1, maxLength: 80 });

  it("gives in no stretch of time more than the burst and what the rate brings", () => {
    fc.assert(
      fc.property(asked, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 3, max: 10 }), (asks, rate, burst) => {
        let now = 0;
        const store = memoryStore({ now: () => now, after: () => () => undefined });
        const taken: { at: number; tokens: number }[] = [];
        for (const { after, tokens } of asks) {
          now += after;
          if (store.take("x", tokens, { rate, per: 1000, burst }) === 0) taken.push({ at: now, tokens });
        }
        for (const [index, { at: from }] of taken.entries()) {
          let sum = 0;
          for (const { at, tokens } of taken.slice(index)) {
            sum += tokens;
            expect(sum).toBeLessThanOrEqual(burst + ((at - from) * rate) / 1000 + 1e-6);
          }
        }
      }),
    );
  });

  it("gives after the time it names, and not before", () => {
    fc.assert(
      fc.property(asked, fc.integer({ min: 1, max: 20 }), (asks, rate) => {
        let now = 0;
        const store = memoryStore({ now: () => now, after: () => () => undefined });
        const bucket = { rate, per: 1000, burst: 3 };
        for (const { after, tokens } of asks) {
          now += after;
          const wait = Number(store.take("x", tokens, bucket));
          if (wait === 0) continue;
          now += wait / 2;
          expect(store.take("x", tokens, bucket)).toBeGreaterThan(0);
          now += wait / 2 + 1e-6;
          expect(store.take("x", tokens, bucket)).toBe(0);
        }
      }),
    );
  });
});
