import type { Mail } from "@postroad/core";
import { Refusal, receipt, transport } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import type { Clock, Store } from "../src/index.ts";
import { drain, manage, memoryStore, queue, withQueueOptions } from "../src/index.ts";
import { bench, isEmpty } from "./bench.ts";
import { DAY, HOUR, MINUTE, START, mailTo, recorder, testClock, turns, until } from "./support.ts";

const down = (): Promise<never> => Promise.reject(new Refusal("4.3.0", "the database is down"));

/** A store of which some methods fail while `isDown`. */
function fragile(inner: Store, methods: readonly ("claim" | "settle" | "renew" | "nextDue" | "park")[]): { store: Store; isDown: boolean } {
  const state = { isDown: false };
  const store = new Proxy(inner, {
    get(target, name: keyof Store) {
      const isOne = methods.some((method) => method === name);
      return state.isDown && isOne ? down : target[name];
    },
  });
  return Object.assign(state, { store });
}

describe("trouble", () => {
  it("#60: outlives a store that is down, and asks it less and less often", async () => {
    const db = fragile(memoryStore(), ["claim", "nextDue", "settle", "renew"]);
    db.isDown = true;
    const to = fake();
    await using work = bench(to, { random: () => 0 }, db.store);
    await work.inbox.send(mailTo("a@y.example"));
    await work.clock.advance(10 * MINUTE);
    const at = work.of("trouble").map((event) => (event.at - START) / 1000);
    expect(at.slice(0, 8)).toEqual([0, 1, 3, 7, 15, 31, 63, 123]);
    expect(at.length).toBeLessThan(20);
    db.isDown = false;
    await work.clock.advance(MINUTE);
    await until(() => isEmpty(db.store));
    expect(to.calls).toHaveLength(1);
  });

  it("#61: what is delivered and cannot be written down stops delivery until it can", async () => {
    const db = fragile(memoryStore(), ["settle"]);
    const to = fake();
    await using work = bench(to, {}, db.store);
    db.isDown = true;
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("trouble").length === 1);
    await work.inbox.send(mailTo("b@y.example"));
    await work.clock.advance(10 * MINUTE);
    expect(to.calls).toHaveLength(1);
    expect(work.of("trouble").every(({ during, key }) => during === "settle" && key !== undefined)).toBe(true);
    db.isDown = false;
    await work.clock.advance(2 * MINUTE);
    await until(() => isEmpty(db.store));
    // Once each: the lease was renewed all the while, so that nobody else had it either.
    expect(to.calls.map(({ recipients }) => recipients[0])).toEqual(["a@y.example", "b@y.example"]);
  });

  it("#54: a worker that was paused beyond its lease writes nothing, and says so", async () => {
    const store = memoryStore();
    const clock = testClock();
    const slow = fake();
    slow.hold();
    const awake = Promise.withResolvers<void>();
    const paused: Store = { ...store, renew: (leases, at) => awake.promise.then(() => store.renew(leases, at)) };
    const { of, onEvent } = recorder();
    await using first = drain(paused, slow, { clock, onEvent, ttl: 30_000 });
    await queue(store, { now: () => clock.now() }).send(mailTo("a@y.example"));
    await slow.call(1);
    const quick = fake({ "a@y.example": "deferred" });
    await using _ = drain(store, quick, { clock, ttl: 30_000 });
    await clock.advance(MINUTE);
    await until(() => quick.calls.length === 1);
    await turns();
    slow.release();
    await until(() => of("lost").length === 1);
    expect(of("lost")).toMatchObject([{ outcomes: [{ kind: "accepted", recipient: "a@y.example" }] }]);
    expect(await store.list()).toMatchObject([{ attempts: 1, lapses: 0 }]);
    awake.resolve();
    await first.stop();
  });

  it("#54: a worker whose timers come late does not deliver again what it is delivering", async () => {
    const store = memoryStore();
    const clock = testClock();
    const to = fake();
    to.hold();
    await using worker = drain(store, to, { clock, bounce: false, ttl: 30_000 });
    const inbox = queue(store, { now: () => clock.now() });
    await inbox.send(mailTo("a@y.example"));
    await to.call(1);
    // Time passes, but for the timers: as on a machine that has too much to do.
    clock.step(MINUTE);
    await inbox.send(mailTo("b@y.example"));
    await to.call(2);
    await turns();
    expect(to.calls.map(({ recipients }) => recipients[0])).toEqual(["a@y.example", "b@y.example"]);
    to.release();
    await worker.stop();
    expect(await isEmpty(store)).toBe(true);
  });

  it.for([25_000, 10 * MINUTE])("#54: a worker whose clock is %i ms behind another's delivers twice, and says why, but not where that is half of ttl", async (behind) => {
    for (const skew of [15_000, behind]) {
      const store = memoryStore();
      const clock = testClock();
      const late: Clock = { ...clock, now: () => clock.now() - skew };
      const [slow, other] = [fake(), fake()];
      slow.hold();
      const { of, onEvent } = recorder();
      await queue(store, { now: () => clock.now() }).send(mailTo("a@y.example"));
      const worker = drain(store, slow, { clock: late, onEvent, bounce: false, ttl: 30_000, poll: 1000 });
      await slow.call(1);
      const ahead = drain(store, other, { clock, bounce: false, ttl: 30_000, poll: 1000 });
      await clock.advance(5 * MINUTE);
      const isTwice = skew > 15_000;
      expect(other.calls).toHaveLength(isTwice ? 1 : 0);
      expect(of("trouble")).toMatchObject(isTwice ? [{ during: "renew", error: { status: "4.3.5" } }] : []);
      slow.release();
      await Promise.all([worker, ahead].map((each) => each.stop()));
      expect(of("lost")).toHaveLength(isTwice ? 1 : 0);
    }
  });

  it("#54: a worker that gets what it is delivering once more goes on with that, and delivers nothing twice", async () => {
    const to = fake({ "a@y.example": "deferred" });
    to.hold();
    await using work = bench(to);
    await work.inbox.send(mailTo("a@y.example"));
    await to.call(1);
    // Somebody whose clock is five minutes behind: to the store the clock goes back, and then on.
    await work.store.claim({ now: START - 5 * MINUTE, limit: 0, perLane: 1, ttl: 1000 });
    await work.inbox.send(mailTo("b@y.example"));
    await to.call(2);
    expect(to.calls.map(({ recipients }) => recipients[0])).toEqual(["a@y.example", "b@y.example"]);
    to.release();
    await until(() => work.of("attempt").length === 2);
    await until(() => work.of("deferred").length === 1);
    expect(work.of("lost")).toEqual([]);
    expect(await work.store.list()).toMatchObject([{ attempts: 1, lapses: 0, leased: false }]);
    await work.clock.advance(10 * MINUTE);
    expect(to.calls.filter(({ recipients }) => recipients[0] === "a@y.example").length).toBeGreaterThan(1);
  });

  it("#54: a lease that is lost aborts the delivery, and nobody is told of its outcome", async () => {
    const store = memoryStore();
    const clock = testClock();
    const to = fake();
    to.hold();
    const robbed: Store = { ...store, renew: (leases) => Promise.resolve(leases.map(() => false)) };
    const { of, onEvent } = recorder();
    const bounce = fake({}, { name: "bounce" });
    await using worker = drain(robbed, to, { clock, onEvent, bounce });
    await queue(store, { now: () => clock.now() }).send(mailTo("a@y.example"));
    await to.call(1);
    await clock.advance(MINUTE / 3);
    await until(() => of("lost").length === 1);
    expect(to.calls[0]?.signal?.aborted).toBe(true);
    expect(bounce.calls).toHaveLength(0);
    to.release();
    await worker.stop();
  });

  it("#55: stepping the wall clock does nothing to a worker; a worker that starts in another time expires nothing", async () => {
    const store = memoryStore();
    const clock = testClock();
    const to = fake({ "a@y.example": "deferred" });
    const first = drain(store, to, { clock, bounce: false });
    await queue(store, { now: () => clock.now() }).send(mailTo("a@y.example"));
    await to.call(1);
    await first.stop();
    for (const step of [10 * DAY, -20 * DAY, 10 * DAY]) {
      clock.step(step);
      const calls = to.calls.length;
      const { of, onEvent } = recorder();
      const worker = drain(store, to, { clock, bounce: false, onEvent });
      await clock.advance(4 * HOUR);
      await worker.stop();
      expect(of("expired")).toEqual([]);
      expect(to.calls.length - calls).toBeGreaterThan(0);
      expect(to.calls.length - calls).toBeLessThan(12);
    }
    expect(await store.list()).toHaveLength(1);
  }, 60_000);

  it.for([
    ["has nothing to do, and was told to ask seldom", 0, 1],
    ["has no place free", 3, 3],
  ] as const)("#55: a worker that %s claims often enough for the store to know that it is there", async ([, mails, concurrency]) => {
    const inner = memoryStore();
    const claims: number[] = [];
    const store: Store = {
      ...inner,
      claim(request) {
        claims.push(request.now);
        return inner.claim(request);
      },
    };
    const to = fake();
    to.hold();
    await using work = bench(to, { poll: 10 * HOUR, concurrency, reserve: 0, deadline: 10 * HOUR }, store);
    for (let mail = 0; mail < mails; mail += 1) await work.inbox.send(mailTo(`a@d${mail}.example`));
    if (mails > 0) await to.call(mails);
    await work.clock.advance(6 * HOUR);
    const gaps = [...claims, START + 6 * HOUR].map((at, index) => at - (claims[index - 1] ?? START));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(HOUR);
    expect(claims.length).toBeGreaterThan(6);
    to.release();
  });

  it("#55: a schedule that is broken makes no busy loop", async () => {
    const warnings: unknown[] = [];
    const note = (warning: unknown): void => void warnings.push(warning);
    process.on("warning", note);
    const answers = [Number.NaN, -5, Number.POSITIVE_INFINITY];
    let asked = 0;
    const schedule = (): number => {
      const answer = answers[asked];
      asked += 1;
      if (answer === undefined) throw new Error("no idea");
      return answer;
    };
    const to = fake({ "a@y.example": "deferred" });
    await using work = bench(to, { schedule, maxAge: 2_000_000_000 });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("deferred").length === 1);
    await work.clock.advance(HOUR);
    process.off("warning", note);
    expect(work.of("deferred").map(({ at, dueAt }) => dueAt - at)).toEqual([30 * MINUTE, 1, 2_147_483_647]);
    expect(warnings).toEqual([]);
  });

  it("#51: content that cannot be read bounces nobody, and holds nobody else up", async () => {
    const store = memoryStore();
    const torn: Store = {
      ...store,
      read(lease) {
        if (lease.entry.envelope.to[0]?.address === "torn@y.example") throw new Refusal("5.3.0", "the file is torn");
        return store.read(lease);
      },
    };
    const to = fake();
    const bounce = fake({}, { name: "bounce" });
    await using work = bench(to, { bounce }, torn);
    await work.inbox.send(mailTo("torn@y.example"));
    await work.inbox.send(mailTo("whole@y.example"));
    await until(() => work.of("attempt").length === 2);
    await work.clock.advance(HOUR);
    expect(to.calls.map(({ recipients }) => recipients[0])).toEqual(["whole@y.example"]);
    expect(bounce.calls).toEqual([]);
    expect(work.of("parked")).toEqual([]);
    expect(await store.list()).toMatchObject([{ last: [{ kind: "deferred", status: "4.3.0" }] }]);
  });

  it("#62: who cancels what is in flight is told that it is too late; the delivery wins", async () => {
    const to = fake();
    to.hold();
    await using work = bench(to);
    await work.inbox.send(mailTo("a@y.example"));
    await to.call(1);
    const people = manage(work.store, { now: () => work.clock.now() });
    const { mail = "" } = (await people.list())[0] ?? {};
    expect(await people.cancel({ mail })).toBe(0);
    expect(await people.hold({ mail })).toBe(0);
    to.release();
    await until(() => isEmpty(work.store));
    expect(work.of("settled")).toMatchObject([{ outcomes: [{ kind: "accepted" }] }]);
    expect(work.of("bounced")).toEqual([]);
  });

  it("#62: what a newer mail supersedes while it is in flight is not tried again", async () => {
    const to = fake({ "a@y.example": "deferred" });
    to.hold();
    await using work = bench(to);
    await work.inbox.send(withQueueOptions(mailTo("a@y.example"), { supersedes: "cart" }));
    await to.call(1);
    await work.inbox.send(withQueueOptions(mailTo("b@y.example"), { supersedes: "cart" }));
    to.release();
    await until(() => isEmpty(work.store));
    await work.clock.advance(HOUR);
    expect(to.calls.map(({ recipients }) => recipients[0])).toEqual(["a@y.example", "b@y.example"]);
  });

  it("hands on doubt, so that the same peer is tried, and stops where that is the policy", async () => {
    const to = fake({ "a@y.example": ["uncertain", "accepted"], "b@y.example": ["deferred", "accepted"] });
    await using work = bench(to);
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("deferred").length === 1);
    await work.clock.advance(2 * MINUTE);
    await until(() => isEmpty(work.store));
    expect(to.calls[1]?.meta["postroad.doubt"]).toBe('{"a@y.example":"fake"}');

    const again = fake({ "a@y.example": ["uncertain", "accepted"], "b@y.example": ["deferred", "accepted"] });
    await using careful = bench(again, { uncertain: "stop" });
    await careful.inbox.send(mailTo("a@y.example", "b@y.example"));
    await until(() => careful.of("deferred").length === 1);
    await careful.clock.advance(2 * MINUTE);
    await until(() => careful.of("dead").length === 1);
    expect(again.calls.map(({ recipients }) => recipients)).toEqual([["a@y.example", "b@y.example"], ["b@y.example"]]);
    expect(careful.of("dead")).toMatchObject([{ reason: "uncertain", recipients: ["a@y.example"] }]);
    // A person may decide that it did not arrive.
    await manage(careful.store, { now: () => careful.clock.now() }).redrive();
    await until(() => isEmpty(careful.store));
    expect(again.calls.at(-1)?.recipients).toEqual(["a@y.example"]);
  });

  it("#64: stops when it is told to: finishes what is in flight, hands back the rest, takes nothing more", async () => {
    const store = memoryStore();
    const to = fake();
    to.hold();
    const abort = new AbortController();
    const work = bench(to, { signal: abort.signal, perLane: 2, adaptive: false }, store);
    for (const name of ["a", "b", "c"]) await work.inbox.send(mailTo(`${name}@y.example`));
    await to.call(2);
    abort.abort();
    await work.inbox.send(mailTo("d@y.example"));
    to.release();
    await work.worker.stop();
    expect(to.calls).toHaveLength(2);
    expect(await store.stats(START)).toMatchObject({ leased: 0, due: 2 });
    await work.worker[Symbol.asyncDispose]();
    await work.worker[Symbol.asyncDispose]();
    expect(to.disposed).toBe(1);
  });

  it("#64: what was claimed while it was told to stop goes back, and not to anybody", async () => {
    const inner = memoryStore();
    let claimed: (() => void) | undefined;
    const asked = new Promise<void>((resolve) => (claimed = resolve));
    let go: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const store: Store = {
      ...inner,
      async claim(request) {
        const leases = await inner.claim(request);
        claimed?.();
        await gate;
        return leases;
      },
    };
    await queue(inner).send(mailTo("a@y.example"));
    const to = fake();
    const worker = drain(store, to, { clock: testClock() });
    await asked;
    const stopped = worker.stop();
    go?.();
    await stopped;
    expect(to.calls).toHaveLength(0);
    expect(await inner.stats(START)).toMatchObject({ leased: 0, due: 1 });
  });

  it("#64: asked a second time it hurries: aborts, and leaves to its lease what does not even settle then", async () => {
    const to = transport("stuck", (mail: Mail, { signal }) =>
      mail.envelope.to[0]?.address === "deaf@y.example"
        ? new Promise(() => undefined)
        : new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Refusal("4.3.2", "aborted")))),
    );
    await using work = bench(to, { grace: 5000 });
    await work.inbox.send(mailTo("deaf@y.example"));
    await work.inbox.send(mailTo("listens@y.example"));
    await until(() => work.worker.inFlight === 2);
    const first = work.worker.stop();
    await turns();
    expect(work.worker.inFlight).toBe(2);
    const second = work.worker.stop({ within: 1000 });
    await work.clock.advance(1000);
    await until(() => work.worker.inFlight === 1);
    await work.clock.advance(5000);
    await Promise.all([first, second]);
    expect((await work.store.list()).map(({ attempts, leased }) => ({ attempts, leased }))).toEqual([
      { attempts: 1, leased: false },
      { attempts: 1, leased: false },
    ]);
    const disposed = work.worker[Symbol.asyncDispose]();
    await work.clock.advance(5000);
    await disposed;
  });

  it("several workers share a store, and deliver everything once", async () => {
    const store = memoryStore();
    const seen: string[] = [];
    const to = transport("counted", async (mail: Mail) => {
      await turns(1);
      seen.push(mail.id);
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "counted" });
    });
    const clock = testClock();
    const inbox = queue(store);
    for (let index = 0; index < 300; index += 1) await inbox.send(mailTo(`a@d${index % 7}.example`));
    const workers = [1, 2, 3].map(() => drain(store, to, { clock, concurrency: 10 }));
    await until(() => isEmpty(store));
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(seen).toHaveLength(300);
    expect(new Set(seen)).toHaveLength(300);
  });

  it("outlives listeners that throw", async () => {
    const to = fake();
    const onEvent = (): never => {
      throw new Error("no log");
    };
    const onSettled = async (): Promise<never> => {
      throw new Error("no handler");
    };
    const warned: string[] = [];
    const note = ({ message }: Error): void => void warned.push(message);
    process.on("warning", note);
    await using work = bench(to, { onEvent, onSettled });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => isEmpty(work.store));
    await until(() => warned.length >= 3);
    process.off("warning", note);
    expect(new Set(warned)).toEqual(new Set(["onSettled threw: no handler", "onEvent threw: no log"]));
  });
});
