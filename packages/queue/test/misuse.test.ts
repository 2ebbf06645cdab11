import type { Mail, Recipient } from "@postroad/core";
import { envelope, receipt, transport } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import type { DrainOptions, Store } from "../src/index.ts";
import { drain, memoryStore, queue } from "../src/index.ts";
import { bench, isEmpty } from "./bench.ts";
import { DAY, HOUR, MINUTE, START, mailTo, recorder, testClock, turns, until } from "./support.ts";

describe("a schedule that gives no number", () => {
  it.for(["soon", Promise.resolve(1000), Number.NaN])("lets it wait half an hour: %s", async (wrong) => {
    const options: DrainOptions = {};
    Reflect.set(options, "schedule", () => wrong);
    const to = fake({ "a@y.example": ["deferred", "accepted"] });
    await using work = bench(to, options);
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("deferred").length === 1);
    expect(work.of("deferred")).toMatchObject([{ dueAt: START + HOUR / 2 }]);
    await work.clock.advance(HOUR / 2);
    await until(() => isEmpty(work.store));
  });
});

describe("a transport that answers for others, or not at all", () => {
  it("leaves its mail in doubt, and nobody else is told of", async () => {
    const eve = mailTo("eve@y.example");
    const accepted = { kind: "accepted", status: "2.0.0", by: "odd" } as const;
    const odd = { ...transport("odd", async () => receipt(eve, accepted)), send: async () => receipt(eve, accepted) };
    await using work = bench(odd, { bounce: false });
    await work.inbox.send(mailTo("a@y.example", "b@y.example"));
    await until(() => work.of("deferred").length === 1);
    expect(work.of("attempt")[0]?.outcomes).toMatchObject(["a@y.example", "b@y.example"].map((recipient) => ({ recipient, kind: "deferred", uncertain: true })));
    expect(work.of("settled")).toEqual([]);
  });

  it("leaves in doubt who has an outcome of no kind", async () => {
    const to = transport("to", async (mail: Mail) => {
      const given = receipt(mail, { kind: "accepted", status: "2.0.0", by: "to" });
      for (const outcome of given.outcomes) Reflect.set(outcome, "kind", "sent");
      return given;
    });
    await using work = bench(to, { bounce: false, uncertain: "stop" });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("dead").length === 1);
    expect(work.of("dead")).toMatchObject([{ reason: "uncertain" }]);
  });
});

describe("a store that breaks its contract", () => {
  it.for([[null], [{}], [[undefined]], [[{}]]])("does not end the worker with leases that are none: %j", async ([given]) => {
    const inner = memoryStore();
    const store: Store = { ...inner };
    Reflect.set(store, "claim", async () => given);
    const to = fake();
    await using work = bench(to, {}, store);
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("trouble").length === 1);
    expect(work.of("trouble")).toMatchObject([{ during: "claim" }]);
    store.claim = (request) => inner.claim(request);
    await work.clock.advance(MINUTE);
    await until(() => isEmpty(store));
    expect(to.calls).toHaveLength(1);
  });

  it.for(["claim", "nextDue", "settle", "renew", "park"] as const)("keeps no worker from being stopped, where it never answers: %s", async (method) => {
    const inner = memoryStore();
    let isHung = false;
    const store = new Proxy(inner, {
      get: (target, name: keyof Store) => (isHung && name === method ? () => new Promise(() => undefined) : target[name]),
    });
    const to = fake({ "a@y.example": { kind: "deferred", status: "4.4.1", message: "no connection" } });
    to.hold();
    const work = bench(to, { grace: 5000 }, store);
    for (let index = 0; index < 3; index += 1) await work.inbox.send(mailTo("a@y.example"));
    await to.call(3);
    isHung = true;
    await work.clock.advance(2 * MINUTE);
    to.release();
    await work.clock.advance(MINUTE);
    let isStopped = false;
    void work.worker.stop({ within: 1000 }).then(() => (isStopped = true));
    await work.clock.advance(11_000);
    expect(isStopped).toBe(true);
  });
});

describe("a clock that is put back while a mail is delivered", () => {
  it("#55: neither gives it to another worker, nor lets it take longer than its deadline", async () => {
    const store = memoryStore();
    const clock = testClock();
    const other = fake();
    let calls = 0;
    const deaf = transport("deaf", (mail: Mail) => {
      calls += 1;
      return calls === 1 ? new Promise(() => undefined) : Promise.resolve(receipt(mail, { kind: "accepted", status: "2.0.0", by: "deaf" }));
    });
    const { of, onEvent } = recorder();
    const worker = drain(store, deaf, { clock, onEvent, bounce: false, deadline: HOUR, grace: MINUTE });
    await queue(store, { now: () => clock.now() }).send(mailTo("a@y.example"));
    await until(() => worker.inFlight === 1);
    clock.step(-10 * DAY);
    const second = drain(store, other, { clock, bounce: false, poll: 10_000 });
    await clock.advance(HOUR);
    expect(other.calls).toEqual([]);
    await second.stop();
    await clock.advance(3 * MINUTE);
    expect(of("attempt")[0]).toMatchObject({ outcomes: [{ kind: "deferred", uncertain: true }] });
    await clock.advance(HOUR);
    expect(await isEmpty(store)).toBe(true);
    await worker.stop();
  });
});

describe("many recipients in one entry", () => {
  it("cost no more each than few do", async () => {
    let reads = 0;
    const many = Array.from({ length: 2000 }, (_, index): Recipient => ({
      get address() {
        reads += 1;
        return `r${index}@y.example`;
      },
    }));
    const to = transport("to", async (mail: Mail) => receipt(mail, { kind: "rejected", status: "5.1.1", by: "to", message: "no" }));
    await using work = bench(to, { bounce: fake({}, { name: "bounce" }) });
    const mail = mailTo("x@y.example");
    await queue(work.store, { maxRecipients: 10_000 }).send({ ...mail, envelope: { ...envelope("a@x.example", ["x@y.example"]), to: many } });
    await until(() => work.of("settled").length === 1);
    expect(work.of("bounced")).toMatchObject([{ bounced: true }]);
    expect(reads / many.length).toBeLessThan(200);
  });
});

describe("a worker that is told to stop at any moment", () => {
  it("#64: leaves nothing leased, loses nothing, and delivers nothing twice", async () => {
    for (let moment = 0; moment < 40; moment += 1) {
      const store = memoryStore();
      const clock = testClock();
      const inbox = queue(store, { now: () => clock.now() });
      const suspect = mailTo("suspect@s.example");
      await inbox.send(suspect);
      for (const [limit, at] of [[1, START - 20], [1, START - 10], [0, START]] as const) await store.claim({ now: at, limit, perLane: 1, ttl: 5 });
      const names = ["a@y.example", "b@y.example", "no@z.example", "later@w.example"];
      for (const name of names) await inbox.send(mailTo(name));
      const script = { "no@z.example": "rejected", "later@w.example": ["deferred", "accepted"] } as const;
      const seen: string[] = [];
      const settled: string[] = [];
      const abort = new AbortController();
      for (const signal of [abort.signal, undefined]) {
        const to = fake(script);
        const bounce = fake({}, { name: "bounce" });
        const worker = drain(store, to, { clock, bounce, concurrency: 3, ...(signal !== undefined && { signal }), onSettled: ({ outcomes }) => void settled.push(...outcomes.map(({ recipient }) => recipient)) });
        if (signal === undefined) await clock.advance(HOUR);
        else await turns(moment);
        abort.abort();
        await worker.stop();
        expect((await store.stats(clock.now())).leased).toBe(0);
        const isBegun = to.calls.some(({ recipients }) => recipients[0] === "suspect@s.example");
        const [left] = await store.list({ mail: suspect.id });
        expect(signal === undefined || isBegun || left?.lapses === 2).toBe(true);
        seen.push(...bounce.calls.flatMap(({ recipients }) => recipients));
        await worker[Symbol.asyncDispose]();
      }
      expect(settled.toSorted()).toEqual([...names, "suspect@s.example"].toSorted());
      expect(seen).toEqual(["a@x.example"]);
      expect(await isEmpty(store)).toBe(true);
    }
  });
});
