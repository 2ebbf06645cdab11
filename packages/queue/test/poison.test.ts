import type { Mail, Transport } from "@postroad/core";
import { receipt, transport } from "@postroad/core";
import { describe, expect, it } from "vitest";
import type { Store } from "../src/index.ts";
import { drain, memoryStore, queue } from "../src/index.ts";
import { bench, isEmpty } from "./bench.ts";
import { HOUR, MINUTE, mailTo, recorder, testClock, turns, until } from "./support.ts";

const never = (): Promise<never> => new Promise(() => undefined);

/** A process: once it has died, nothing that it asks of the store happens any more. */
function life(store: Store): { readonly store: Store; isOver: boolean } {
  const state = { isOver: false };
  const mortal = new Proxy(store, {
    get: (target, name: keyof Store) => (state.isOver && typeof target[name] === "function" ? never : target[name]),
  });
  return Object.assign(state, { store: mortal });
}

function addressOf({ envelope }: Mail): string {
  return envelope.to[0]?.address ?? "";
}

interface Gate extends Transport {
  /** Addresses whose delivery has begun. */
  readonly begun: string[];
  readonly finish: (address: string) => void;
}

/** A transport whose deliveries end when the test says so. */
function gate(): Gate {
  const begun: string[] = [];
  const open = new Map<string, () => void>();
  const inner = transport("gate", (mail: Mail) => {
    const address = addressOf(mail);
    begun.push(address);
    return new Promise((resolve) => {
      open.set(address, () => resolve(receipt(mail, { kind: "accepted", status: "2.0.0", by: "gate" })));
    });
  });
  return { ...inner, begun, finish: (address) => open.get(address)?.() };
}

/** Two workers died with it. */
async function suspected(store: Store, mail: Mail, now: number): Promise<void> {
  await queue(store, { now: () => now }).send(mail);
  for (const at of [now - 20, now - 10]) await store.claim({ now: at, limit: 1, perLane: 1, ttl: 5 });
}

describe("poison", () => {
  it("#57: kills five workers, and takes along nobody that they had besides", async () => {
    const store = memoryStore();
    const clock = testClock();
    const inbox = queue(store, { now: () => clock.now() });
    for (let index = 0; index < 40; index += 1) await inbox.send(mailTo(`${index === 17 ? "poison" : "good"}@d${index}.example`));
    const { of, onEvent } = recorder();
    let deaths = 0;
    while (!(await isSettled(store, clock.now()))) {
      const own = life(store);
      const to = transport("to", async (mail: Mail) => {
        own.isOver ||= addressOf(mail).startsWith("poison");
        return own.isOver ? never() : receipt(mail, { kind: "accepted", status: "2.0.0", by: "to" });
      });
      const worker = drain(own.store, to, { clock, onEvent });
      for (let turn = 0; turn < 100 && !own.isOver; turn += 1) await clock.advance(1000);
      if (own.isOver) deaths += 1;
      else await worker[Symbol.asyncDispose]();
      await clock.advance(MINUTE);
    }
    expect(deaths).toBe(5);
    expect(of("dead").map(({ recipients }) => recipients)).toEqual([["poison@d17.example"]]);
    expect(new Set(of("settled").map(({ mail }) => mail)).size).toBe(39);
    expect(await store.list()).toMatchObject([{ state: "dead", lane: "d17.example" }]);
  });

  it("#57: a suspect begins when nothing else is under way, and nothing begins beside it", async () => {
    const store = memoryStore();
    const to = gate();
    await using work = bench(to, {}, store);
    await work.inbox.send(mailTo("first@a.example"));
    await until(() => to.begun.length === 1);
    await suspected(store, mailTo("suspect@b.example"), work.clock.now());
    await work.inbox.send(mailTo("second@c.example"));
    await until(() => work.worker.inFlight === 2);
    expect(to.begun).toEqual(["first@a.example"]);
    to.finish("first@a.example");
    await until(() => to.begun.length === 2);
    await work.clock.advance(5000);
    expect(to.begun).toEqual(["first@a.example", "suspect@b.example"]);
    to.finish("suspect@b.example");
    await until(() => to.begun.length === 3);
    to.finish("second@c.example");
    await until(() => isEmpty(store));
    expect(work.of("settled")).toHaveLength(3);
  });

  it("#57: neither waits for ever for what is slow, nor lets others wait for a suspect that is, nor has two of them", async () => {
    const store = memoryStore();
    const to = gate();
    await using work = bench(to, { deadline: 10 * HOUR }, store);
    await work.inbox.send(mailTo("slow@a.example"));
    await until(() => to.begun.length === 1);
    await suspected(store, mailTo("suspect@b.example"), work.clock.now());
    await suspected(store, mailTo("another@c.example"), work.clock.now());
    await work.inbox.send(mailTo("good@d.example"));
    await until(() => work.worker.inFlight === 2);
    await work.clock.advance(9_999);
    expect(to.begun).toHaveLength(1);
    await work.clock.advance(1);
    expect(to.begun).toHaveLength(2);
    await work.clock.advance(9_999);
    expect(to.begun).toHaveLength(2);
    await work.clock.advance(1);
    await until(() => to.begun.length === 3);
    expect(to.begun).toEqual(["slow@a.example", "suspect@b.example", "good@d.example"]);
    await work.clock.advance(MINUTE);
    expect(to.begun).toHaveLength(3);
    await work.clock.advance(10 * MINUTE);
    expect(to.begun).toHaveLength(3);
    to.finish("suspect@b.example");
    await turns();
    // The others had the worker meanwhile.
    await work.clock.advance(HOUR);
    await until(() => work.worker.inFlight === 3);
    await work.clock.advance(10_000);
    expect(to.begun.at(-1)).toBe("another@c.example");
    // All leases were kept meanwhile.
    for (const address of to.begun) to.finish(address);
    await until(() => isEmpty(store));
    expect(work.of("lost")).toEqual([]);
  });

  it("#57, #64: a suspect that has not begun when the worker is stopped is handed back", async () => {
    const store = memoryStore();
    const to = gate();
    await using work = bench(to, {}, store);
    await work.inbox.send(mailTo("slow@a.example"));
    await until(() => to.begun.length === 1);
    await suspected(store, mailTo("suspect@b.example"), work.clock.now());
    await until(() => work.worker.inFlight === 2);
    const stopped = work.worker.stop();
    await turns();
    to.finish("slow@a.example");
    await stopped;
    expect(to.begun).toEqual(["slow@a.example"]);
    expect(await store.stats(work.clock.now() + HOUR)).toMatchObject({ due: 1, leased: 0 });
    expect(await store.list()).toMatchObject([{ lapses: 2 }]);
  });
});

async function isSettled(store: Store, now: number): Promise<boolean> {
  const { due, waiting, leased } = await store.stats(now);
  return due + waiting + leased === 0;
}
