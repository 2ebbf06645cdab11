import type { Lease } from "@postroad/queue";
import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import type { StoreBench, StoreSuite } from "./bench.ts";
import { HOUR, MINUTE, START, assertRefused, deferred, entriesOf, entryOf, keysOf, storeCheck } from "./bench.ts";

/** Adds each as a mail of its own, in this order. */
async function addAll({ add }: StoreBench, entries: readonly Parameters<typeof entryOf>[0][]): Promise<void> {
  for (const given of entries) await add(entryOf(given));
}

function lanesOf(leases: readonly Lease[]): readonly string[] {
  return leases.map(({ entry }) => entry.lane);
}

export const claimingChecks: readonly Check<StoreSuite>[] = [
  storeCheck("gives an entry once it is due, and not before", [], async (bench) => {
    const later = entryOf({ dueAt: START + HOUR });
    await bench.add(later);
    assert.deepEqual(await bench.claim({ now: START + HOUR - 1 }), []);
    assert.deepEqual(keysOf(await bench.claim({ now: START + HOUR })), [later.key]);
  }),

  storeCheck("gives each entry to one of many who claim at the same time", [], async (bench) => {
    const entries = entriesOf(60);
    for (const each of entries) await bench.add(each);
    const claims = await Promise.all(Array.from({ length: 12 }, () => bench.claim({ limit: 7 })));
    const leases = claims.flat();
    assert.deepEqual(keysOf(leases), keysOf(entries), "an entry was given twice, or to nobody");
    assert.equal(new Set(leases.map(({ token }) => token)).size, leases.length, "two leases have the same token");
  }),

  storeCheck("gives no more than the limit", [], async (bench) => {
    await bench.add(...entriesOf(5));
    assert.equal((await bench.claim({ limit: 3 })).length, 3);
    assert.equal((await bench.claim({ limit: 3 })).length, 2);
    assert.deepEqual(await bench.claim({ limit: 3 }), []);
  }),

  storeCheck("gives beside its limit what is urgent, and nothing else", [], async (bench) => {
    await addAll(
      bench,
      [0, 0, 1, 5, 9, -1, 3].map((priority) => ({ priority })),
    );
    const prioritiesOf = async (request: Parameters<StoreBench["claim"]>[0]): Promise<readonly number[]> =>
      (await bench.claim(request)).map(({ entry }) => entry.priority);
    assert.deepEqual(await prioritiesOf({ limit: 0, urgent: 2 }), [9, 5]);
    assert.deepEqual(await prioritiesOf({ limit: 1, urgent: 9 }), [3, 1]);
    assert.deepEqual(await prioritiesOf({ limit: 0, urgent: 9 }), []);
    assert.deepEqual(await prioritiesOf({ limit: 1, urgent: 9 }), [0]);
    assert.deepEqual(await prioritiesOf({ limit: 9, urgent: 9 }), [0, -1]);
    const lanes = new Map([["example.net", 0]]);
    await addAll(bench, [{ priority: 9 }, { priority: 9, dueAt: START + HOUR }, { priority: 9, lane: "parked" }]);
    await bench.store.park("parked", START + HOUR);
    assert.deepEqual(await prioritiesOf({ limit: 1, urgent: 9, lanes }), [], "more than its lane may have, or a parked lane");
    assert.deepEqual(await prioritiesOf({ limit: 1, urgent: 9 }), [9]);
  }),

  storeCheck("gives the highest priority first", [], async (bench) => {
    await addAll(
      bench,
      [0, -9, 9, 3, -1, 9].map((priority) => ({ priority })),
    );
    const order: number[] = [];
    for (let left = 6; left > 0; left -= 2) {
      order.push(...(await bench.claim({ limit: 2 })).map(({ entry }) => entry.priority));
    }
    assert.deepEqual(order, [9, 9, 3, 0, -1, -9]);
  }),

  storeCheck("gives the highest priority first among what has become due", [], async (bench) => {
    const later = { dueAt: START + HOUR };
    await addAll(bench, [...Array.from({ length: 20 }, () => later), { ...later, priority: 5 }]);
    const [first] = await bench.claim({ now: START + 2 * HOUR, limit: 1 });
    assert.equal(first?.entry.priority, 5);
  }),

  storeCheck("gives in turns between lanes", [], async (bench) => {
    const lanes = ["a", "a", "a", "a", "a", "a", "b", "b", "c"];
    await addAll(
      bench,
      lanes.map((lane) => ({ lane })),
    );
    const order: string[] = [];
    for (let left = lanes.length; left > 0; left -= 1) order.push(...lanesOf(await bench.claim({ limit: 1 })));
    assert.deepEqual(order.slice(0, 3).toSorted(), ["a", "b", "c"]);
    assert.deepEqual(order.slice(3, 5).toSorted(), ["a", "b"]);
    assert.deepEqual(order.slice(5), ["a", "a", "a", "a"]);
  }),

  storeCheck("gives in turns between lanes within one claim", [], async (bench) => {
    await bench.add(...entriesOf(300, { lane: "huge" }));
    await addAll(bench, [{ lane: "b" }, { lane: "c" }, { lane: "b" }]);
    assert.deepEqual(lanesOf(await bench.claim({ limit: 5 })).toSorted(), ["b", "b", "c", "huge", "huge"]);
  }),

  storeCheck("#59: gives in turns what is new and what was tried", [], async (bench) => {
    await bench.add(...entriesOf(10));
    for (const lease of await bench.claim()) await bench.store.settle(lease, deferred(lease, START + MINUTE));
    await bench.add(...entriesOf(10));
    const first = await bench.claim({ now: START + MINUTE, limit: 10 });
    assert.equal(first.filter(({ entry }) => entry.attempts > 0).length, 5, "not half of them were tried before");
    const rest = await bench.claim({ now: START + MINUTE, limit: 20 });
    assert.equal(rest.length, 10);
  }),

  storeCheck("#59: makes everything due after an outage, whatever it is", [], async (bench) => {
    const entries = entriesOf(1500, { dueAt: START + HOUR });
    await bench.add(...entries);
    const given = new Set<string>();
    for (let claims = 0; claims < 100 && given.size < entries.length; claims += 1) {
      for (const { entry } of await bench.claim({ now: START + 2 * HOUR, limit: 100, perLane: 2000 })) given.add(entry.key);
    }
    assert.equal(given.size, entries.length, "some were never given");
  }),

  storeCheck("#59: gives a lane its turn after an outage, however many of another became due before", [], async (bench) => {
    await bench.add(...entriesOf(2000, { lane: "huge", attempts: 1, dueAt: START + MINUTE }));
    const small = entryOf({ lane: "small", attempts: 1, dueAt: START + 2 * MINUTE });
    await bench.add(small);
    const given = [];
    for (let claims = 0; claims < 2; claims += 1) given.push(...(await bench.claim({ now: START + HOUR, perLane: 20 })));
    assert.ok(keysOf(given).includes(small.key), "it waits behind all of the other lane");
  }),

  storeCheck("gives no lane more leases than its limit, those of all workers together", [], async (bench) => {
    await bench.add(...entriesOf(5, { lane: "a" }));
    await bench.add(...entriesOf(5, { lane: "b", priority: 1 }));
    const first = await bench.claim({ perLane: 2 });
    assert.deepEqual(lanesOf(first).toSorted(), ["a", "a", "b", "b"]);
    assert.deepEqual(await bench.claim({ perLane: 2 }), []);
    const [one] = first.filter(({ entry }) => entry.lane === "a");
    assert.ok(one);
    await bench.store.settle(one, null);
    assert.deepEqual(lanesOf(await bench.claim({ perLane: 2 })), ["a"], "settling one makes no room for another");
  }),

  storeCheck("gives a lane as much as its own limit says", [], async (bench) => {
    for (const lane of ["a", "b", "c"]) await bench.add(...entriesOf(5, { lane }));
    const lanes = new Map([
      ["a", 3],
      ["b", 0],
    ]);
    assert.deepEqual(lanesOf(await bench.claim({ perLane: 1, lanes })).toSorted(), ["a", "a", "a", "c"]);
  }),

  storeCheck("holds the limit across priorities", [], async (bench) => {
    await addAll(
      bench,
      [3, 2, 1, 0].map((priority) => ({ priority })),
    );
    assert.deepEqual(
      (await bench.claim({ perLane: 2 })).map(({ entry }) => entry.priority),
      [3, 2],
    );
  }),

  storeCheck("gives what is new in another lane while many lanes are at their limit", [], async (bench) => {
    for (let lane = 0; lane < 50; lane += 1) await bench.add(...entriesOf(2, { lane: `lane ${lane}` }));
    assert.equal((await bench.claim({ perLane: 1 })).length, 50);
    const fresh = entryOf({ lane: "fresh" });
    await bench.add(fresh);
    assert.deepEqual(keysOf(await bench.claim({ perLane: 1, limit: 1 })), [fresh.key]);
  }),

  storeCheck("#55: refuses a claim whose numbers are none", [], async (bench) => {
    await bench.add(entryOf());
    for (const wrong of [{ now: Number.NaN }, { now: Number.POSITIVE_INFINITY }, { ttl: Number.NaN }]) {
      await assertRefused(bench, JSON.stringify(wrong), bench.claim(wrong));
    }
    assert.equal((await bench.claim()).length, 1, "a claim that was refused took the entry all the same");
  }),
];
