import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import { deferral } from "../../deferral.ts";
import type { StoreSuite } from "./bench.ts";
import { DAY, HOUR, MINUTE, START, again, assertRefused, bytesKept, contentFrom, contentOfLease, deferred, entriesOf, entryOf, keysOf, storeCheck } from "./bench.ts";

/** What another store on the same data finds, after the first or beside it. */
export const reopeningChecks: readonly Check<StoreSuite>[] = [
  storeCheck("keeps everything while it is closed", ["reopens"], async (bench) => {
    const { store, add, claim, claimOne, settled } = bench;
    await settled("add", store.add([entryOf({ lane: "large" })], contentFrom(Buffer.alloc(200_000, "y"), 9000)));
    await add(entryOf({ lane: "tried" }));
    for (const lease of await claim()) await store.settle(lease, deferred(lease, START + HOUR));
    const finished = entryOf({ lane: "finished" });
    await add(finished);
    await store.settle(await claimOne(), null);
    await add(entryOf({ state: "held", lane: "held", note: "why" }), entryOf({ state: "dead", lane: "dead" }));
    await add(...entriesOf(3, { lane: "parked" }));
    await store.park("parked", START + 2 * HOUR);
    await add(entryOf({ lane: "leased" }));
    const lease = await claimOne({ ttl: 3 * HOUR });
    const before = { list: await store.list(), stats: await store.stats(START), next: await store.nextDue() };
    await settled("dispose", store[Symbol.asyncDispose]());
    await again(bench, async (after) => {
      const found = { list: await after.store.list(), stats: await after.store.stats(START), next: await after.store.nextDue() };
      assert.deepEqual(found, before);
      assert.deepEqual((await after.add(finished)).added, [false], "a finished key was forgotten");
      const leases = await after.claim({ now: START + HOUR, ttl: 9 * HOUR });
      assert.deepEqual(leases.map(({ entry }) => entry.lane).toSorted(), ["large", "tried"]);
      for (const each of leases) {
        const size = each.entry.lane === "large" ? 200_000 : (before.list.find(({ key }) => key === each.entry.key)?.size ?? -1);
        assert.equal((await contentOfLease(after, each)).byteLength, size);
      }
      assert.equal(await after.store.settle(lease, null), true, "a lease was lost");
    });
  }),

  storeCheck("#55: knows after it was opened again how long nobody was there", ["reopens"], async (bench) => {
    const entry = entryOf({ dueAt: START + 9 * DAY });
    await bench.add(entry);
    await bench.claim();
    await bench.settled("dispose", bench.store[Symbol.asyncDispose]());
    await again(bench, async ({ claim, store }) => {
      await claim({ now: START + 5 * DAY });
      const from = (await store.get(entry.key))?.agesFrom ?? 0;
      assert.ok(Math.abs(from - (START + 5 * DAY)) <= MINUTE, `it ages from ${from - START} ms after the start`);
    });
  }),

  storeCheck("still finishes what was superseded in flight before it was closed", ["reopens"], async (bench) => {
    await bench.add(entryOf({ series: "s" }));
    const lease = await bench.claimOne();
    const newest = entryOf({ series: "s" });
    await bench.add(newest);
    await bench.settled("dispose", bench.store[Symbol.asyncDispose]());
    await again(bench, async ({ store, claim }) => {
      assert.equal(await store.settle(lease, deferred(lease, START)), true);
      assert.deepEqual(keysOf(await claim()), [newest.key]);
    });
  }),

  storeCheck("#53: gives each entry to one of two stores on the same data", ["shares"], async (bench) => {
    const entries = entriesOf(40);
    for (const entry of entries) await bench.add(entry);
    await again(bench, async (other) => {
      const claims = await Promise.all(
        Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? bench : other).claim({ limit: 5 })),
      );
      assert.deepEqual(keysOf(claims.flat()), keysOf(entries));
    });
  }),

  storeCheck("#58: adds an entry once of 50 adds to two stores on the same data", ["shares"], async (bench) => {
    await again(bench, async (other) => {
      const entry = entryOf();
      const all = await Promise.all(Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? bench : other).add(entry)));
      assert.equal(all.filter(({ added }) => added[0] === true).length, 1);
      assert.equal(await bytesKept(other), await bytesKept(bench));
      assert.equal((await bench.claim()).length, 1);
    });
  }),

  storeCheck("#54: a lease of one store is old once the other gave the entry again", ["shares"], async (bench) => {
    await bench.add(entryOf());
    const old = await bench.claimOne();
    await again(bench, async (other) => {
      const held = await other.claimOne({ now: START + MINUTE });
      assert.deepEqual(await bench.store.renew([old], START + DAY), [false]);
      assert.equal(await bench.store.settle(old, null), false);
      assert.equal(await other.store.settle(held, null), true);
    });
  }),

  storeCheck("wakes who watches for what another store added", ["shares"], async (bench) => {
    await bench.claim();
    await again(bench, async (other) => {
      await other.claim();
      const woken = deferral<void>();
      const end = bench.store.watch(() => woken.resolve());
      // At once: what comes before a store has looked for the first time is not to be missed.
      await other.add(entryOf());
      await bench.settled("waking", woken.promise);
      end();
    });
  }),

  storeCheck("keeps a content that only another store still needs", ["shares"], async (bench) => {
    await bench.store.add(entriesOf(2), contentFrom(Buffer.alloc(200_000, "z"), 9000));
    await again(bench, async (other) => {
      const [mine, others] = [await bench.claimOne(), await other.claimOne()];
      assert.equal(await bench.store.settle(mine, null), true);
      assert.equal((await contentOfLease(other, others)).byteLength, 200_000);
      assert.equal(await other.store.settle(others, null), true);
      await assertRefused(other, "reading", contentOfLease(other, structuredClone(others)));
    });
  }),
];
