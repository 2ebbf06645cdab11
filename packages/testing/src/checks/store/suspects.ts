import type { Entry } from "@postroad/queue";
import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import type { StoreBench, StoreSuite } from "./bench.ts";
import { HOUR, MINUTE, START, again, deferred, entryOf, keysOf, storeCheck } from "./bench.ts";

/** Two workers die with all of these; at the time that it gives they may be claimed again. */
async function lapseTwice({ add, claim }: StoreBench, entries: readonly Entry[]): Promise<number> {
  await add(...entries);
  for (const now of [START, START + MINUTE]) assert.equal((await claim({ now })).length, entries.length, "not all were given");
  return START + 2 * MINUTE;
}

/** A crash is to blame one mail, not all that its worker had. */
export const suspectChecks: readonly Check<StoreSuite>[] = [
  storeCheck("#57: gives what lapsed twice alone, before all others, and only to who asks for it", [], async (bench) => {
    const { store, add, claim, claimOne } = bench;
    const [a, b] = [entryOf({ lane: "a" }), entryOf({ lane: "b" })];
    const now = await lapseTwice(bench, [a, b]);
    const urgent = entryOf({ lane: "c", priority: 9 });
    const other = entryOf({ lane: "a" });
    await add(urgent);
    await add(other);
    assert.deepEqual(keysOf(await claim({ now, limit: 1 })), [urgent.key], "a suspect was given to who did not ask for it");
    const first = await claim({ now, suspects: true });
    const second = await claim({ now, suspects: true });
    assert.deepEqual([first.length, second.length], [1, 1], "a suspect was not given alone");
    assert.deepEqual(keysOf([...first, ...second]), keysOf([a, b]));
    assert.deepEqual([...first, ...second].map(({ entry }) => entry.lapses), [2, 2]);
    assert.deepEqual(keysOf(await claim({ now, suspects: true })), [other.key], "without a suspect, others are not given");
    for (const lease of first) await store.settle(lease, { ...deferred(lease, now), lapses: 0 });
    assert.equal((await claimOne({ now })).entry.lapses, 0, "what was settled is a suspect still");
  }),

  storeCheck("#57, #64: what is handed back is as suspect as it was", [], async (bench) => {
    const { store, add, claim, claimOne } = bench;
    await add(entryOf());
    for (const lapses of [0, 1, 2, 3]) {
      const now = START + lapses * MINUTE;
      const lease = await claimOne({ now, suspects: true });
      assert.equal(lease.entry.lapses, lapses);
      assert.equal(await store.settle(lease, lease.entry), true);
      assert.equal((await store.get(lease.entry.key))?.lapses, lapses, "its lapses are forgotten");
      if (lapses >= 2) assert.deepEqual(await claim({ now }), [], "it is given like any other");
      assert.equal((await claim({ now, suspects: true })).length, 1, "it is given to nobody");
    }
  }),

  storeCheck("#57: gives no suspect to who asks for nothing", [], async (bench) => {
    const now = await lapseTwice(bench, [entryOf()]);
    assert.deepEqual(await bench.claim({ now, limit: 0, suspects: true }), []);
    const due = await bench.store.nextDue();
    assert.ok(due !== undefined && due <= now, `${due} is not in the past, though a suspect is due`);
  }),

  storeCheck("#57: gives a suspect within its lane's limit and parking, and at once where it has expired or is too old", [], async (bench) => {
    const { store, claim } = bench;
    const [full, parked] = [entryOf({ lane: "full" }), entryOf({ lane: "parked" })];
    const old = entryOf({ lane: "parked", createdAt: START - 9 * HOUR, agesFrom: START - 9 * HOUR });
    const expired = entryOf({ lane: "full", expiresAt: START + 3 * MINUTE });
    const now = await lapseTwice(bench, [full, parked, old, expired]);
    await store.park("parked", START + HOUR);
    const lanes = new Map([["full", 0]]);
    const request = { lanes, suspects: true };
    assert.deepEqual(await claim({ ...request, now, late: START, aged: START - 10 * HOUR }), []);
    assert.deepEqual(keysOf(await claim({ now, late: START, aged: START - HOUR, lanes })), [], "one that is too old was given unasked");
    assert.deepEqual(keysOf(await claim({ ...request, now, aged: START - HOUR })), [old.key]);
    assert.deepEqual(await claim({ now: START + 3 * MINUTE - 1, ...request }), []);
    assert.deepEqual(keysOf(await claim({ ...request, now: START + 3 * MINUTE })), [expired.key]);
    assert.deepEqual(keysOf(await claim({ suspects: true, now: START + 3 * MINUTE, ttl: HOUR })), [full.key]);
    await store.park("parked", 0);
    assert.deepEqual(keysOf(await claim({ ...request, now: START + 3 * MINUTE })), [parked.key]);
  }),

  storeCheck("#57: what was held and released is a suspect still, and what is dead begins anew", [], async (bench) => {
    const { store, claim, claimOne } = bench;
    const now = await lapseTwice(bench, [entryOf()]);
    await claim({ now, limit: 0 });
    await store.change({ state: "ready" }, "hold", now);
    await store.change({ state: "held" }, "release", now);
    assert.deepEqual(await claim({ now }), []);
    await store.change({ state: "ready" }, "retry", now);
    assert.deepEqual(await claim({ now }), []);
    const lease = await claimOne({ now, suspects: true });
    await store.settle(lease, { ...lease.entry, state: "dead" });
    await store.change({ state: "dead" }, "retry", now);
    assert.equal((await claimOne({ now })).entry.lapses, 0);
  }),

  storeCheck("#57: knows its suspects after it was opened again", ["reopens"], async (bench) => {
    const now = await lapseTwice(bench, [entryOf()]);
    await bench.claim({ now, limit: 0 });
    await bench.settled("dispose", bench.store[Symbol.asyncDispose]());
    await again(bench, async ({ claim }) => {
      assert.deepEqual(await claim({ now }), []);
      assert.equal((await claim({ now, suspects: true })).length, 1);
    });
  }),
];
