import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import type { StoreSuite } from "./bench.ts";
import { BYTES, HOUR, MINUTE, START, assertRefused, bytesKept, contentOfLease, deferred, entryOf, keysOf, storeCheck, tried } from "./bench.ts";

export const leaseChecks: readonly Check<StoreSuite>[] = [
  storeCheck("gives an entry again once its lease has run out, and counts it", [], async ({ add, claim, claimOne }) => {
    await add(entryOf());
    const first = await claimOne();
    assert.equal(first.entry.lapses, 0);
    assert.deepEqual(await claim({ now: START + MINUTE - 1 }), [], "given while its lease held");
    const second = await claimOne({ now: START + MINUTE });
    assert.equal(second.entry.lapses, 1);
    assert.equal(second.entry.attempts, 0);
    assert.notEqual(second.token, first.token);
  }),

  storeCheck("#54: an old lease neither settles nor renews", [], async (bench) => {
    const { store, add, claim, claimOne } = bench;
    await add(entryOf());
    const old = await claimOne();
    const held = await claimOne({ now: START + MINUTE });
    assert.equal(await store.settle(old, null), false, "an old lease finished the entry");
    assert.equal(await store.settle(old, deferred(old, START + HOUR)), false, "an old lease changed the entry");
    assert.deepEqual(await store.renew([old, held], START + 10 * MINUTE), [false, true]);
    assert.deepEqual(await claim({ now: START + 10 * MINUTE - 1 }), [], "the renewed lease does not hold");
    assert.equal((await store.get(held.entry.key))?.attempts, 0);
    assert.equal(await store.settle(held, null), true);
    assert.equal(await store.settle(held, null), false, "it was finished twice");
    assert.deepEqual(await store.renew([held], START + HOUR), [false]);
  }),

  storeCheck("#54: a worker that slept settles nothing of what another has finished", [], async ({ store, add, claimOne, settled }) => {
    const entry = entryOf();
    await add(entry);
    const slept = await claimOne();
    const other = await claimOne({ now: START + MINUTE });
    await settled("settle", store.settle(other, deferred(other, START + HOUR)));
    assert.equal(await store.settle(slept, null), false);
    assert.deepEqual(keysOf(await store.list()), [entry.key], "the entry is gone");
  }),

  storeCheck("settles once, however often it is told at the same time", [], async ({ store, add, claimOne }) => {
    await add(entryOf());
    const lease = await claimOne();
    const told = await Promise.all(Array.from({ length: 10 }, () => store.settle(lease, deferred(lease, START + HOUR))));
    assert.equal(told.filter(Boolean).length, 1);
  }),

  storeCheck("writes the next state whole", [], async (bench) => {
    const { store, add, claimOne, claim } = bench;
    const entry = entryOf({
      envelope: { from: "a@b", to: [{ address: "c@d" }, { address: "e@f" }] },
      expiresAt: START + 100 * HOUR,
    });
    await add(entry);
    await claimOne();
    const lease = await claimOne({ now: START + MINUTE });
    assert.equal(lease.entry.lapses, 1);
    const next = {
      ...deferred(lease, START + HOUR),
      envelope: { from: "a@b", to: [{ address: "e@f" }] },
      meta: { tenant: "another" },
      priority: 4,
      note: "for people",
      delayed: true,
      agesFrom: 5,
      lapses: 7,
    };
    assert.equal(await store.settle(lease, next), true);
    assert.deepEqual(await claim({ now: START + HOUR - 1 }), []);
    const again = await claimOne({ now: START + HOUR });
    // agesFrom is the store's own, and nobody else counts lapses up.
    assert.deepEqual(again.entry, { ...next, agesFrom: START, lapses: 1 });
    assert.deepEqual(await contentOfLease(bench, again), Buffer.from(BYTES));
  }),

  storeCheck("#61: tells by get what was settled, also to who lost the answer", [], async ({ store, add, claimOne }) => {
    const [later, dead, done] = [entryOf(), entryOf(), entryOf()];
    for (const entry of [later, dead, done]) {
      await add(entry);
      const lease = await claimOne();
      const next = { ...deferred(lease, START + 12_345_678), ...(entry === dead && { state: "dead" as const }) };
      assert.equal(await store.settle(lease, entry === done ? null : next), true);
      const found = await store.get(entry.key);
      const { attempts, dueAt, state } = next;
      if (entry === done) assert.equal(found, undefined);
      else assert.deepEqual({ attempts: found?.attempts, dueAt: found?.dueAt, state: found?.state }, { attempts, dueAt, state });
    }
  }),

  storeCheck("hands back an entry as it was", [], async ({ store, add, claimOne }) => {
    await add(entryOf());
    const lease = await claimOne();
    assert.equal(await store.settle(lease, lease.entry), true);
    assert.deepEqual((await claimOne()).entry, lease.entry);
  }),

  ...(["held", "dead"] as const).map((state) =>
    storeCheck(`keeps what is ${state}, and gives it to nobody`, [], async (bench) => {
      const { store, add, claimOne, claim } = bench;
      await add(entryOf({ expiresAt: START + HOUR }));
      const lease = await claimOne();
      assert.equal(await store.settle(lease, { ...lease.entry, state, note: "because" }), true);
      assert.deepEqual(await claim({ now: START + 2 * HOUR, aged: START + HOUR }), []);
      const found = await store.get(lease.entry.key);
      assert.deepEqual({ state: found?.state, note: found?.note, leased: found?.leased }, { state, note: "because", leased: false });
      assert.equal(await bytesKept(bench), BYTES.byteLength);
    }),
  ),

  storeCheck("#55: refuses to settle, renew or park until a time that is none", [], async (bench) => {
    const { store, add, claimOne } = bench;
    await add(entryOf());
    const lease = await claimOne();
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
      await assertRefused(bench, "renew", store.renew([lease], wrong));
      await assertRefused(bench, "settle", store.settle(lease, { ...lease.entry, dueAt: wrong }));
      await assertRefused(bench, "park", store.park("example.net", wrong));
      await assertRefused(bench, "change", store.change({ state: "ready" }, "retry", wrong));
    }
    assert.equal(await store.settle(lease, lease.entry), true, "the lease was lost by a write that was refused");
    assert.equal((await store.get(lease.entry.key))?.dueAt, START);
  }),

  storeCheck("gives only the newest of a series", [], async (bench) => {
    const { store, add, claim } = bench;
    const [old, waiting, newest] = [entryOf({ series: "s" }), entryOf({ series: "s", dueAt: START + HOUR }), entryOf({ series: "s" })];
    const other = entryOf({ series: "other" });
    await add(old);
    assert.deepEqual((await add(waiting)).superseded, [old.key]);
    await add(other);
    assert.deepEqual((await add(newest)).superseded, [waiting.key]);
    assert.deepEqual(keysOf(await claim({ now: START + 2 * HOUR })), keysOf([newest, other]));
    assert.equal(await bytesKept(bench), 2 * BYTES.byteLength, "the content of what gave way is kept");
    assert.deepEqual(await add(old), { added: [false], superseded: [] }, "what gave way comes again");
    assert.deepEqual(keysOf(await store.list()), keysOf([newest, other]));
  }),

  storeCheck("gives all entries of the newest mail of a series", [], async ({ add, claim }) => {
    const entries = [1, 2].map((index) => entryOf({ mail: "one", series: "s", lane: `lane ${index}` }));
    assert.deepEqual((await add(...entries)).superseded, []);
    const later = entryOf({ mail: "one", series: "s" });
    assert.deepEqual((await add(later)).superseded, [], "a mail gave way to itself");
    assert.deepEqual(keysOf(await claim()), keysOf([...entries, later]));
  }),

  storeCheck("finishes what was superseded in flight, whatever its worker says", [], async (bench) => {
    const { store, add, claim, claimOne } = bench;
    await add(entryOf({ series: "s" }));
    const lease = await claimOne();
    const newest = entryOf({ series: "s" });
    await add(newest);
    assert.equal(await store.settle(lease, deferred(lease, START)), true);
    assert.equal(await store.get(lease.entry.key), undefined);
    assert.deepEqual(keysOf(await claim()), [newest.key]);
    assert.equal(await bytesKept(bench), BYTES.byteLength);
  }),

  storeCheck("gives what was superseded in flight to nobody when its lease runs out", [], async ({ add, claim, claimOne }) => {
    await add(entryOf({ series: "s" }));
    await claimOne();
    const newest = entryOf({ series: "s", dueAt: START + HOUR });
    await add(newest);
    assert.deepEqual(await claim({ now: START + MINUTE }), []);
    assert.deepEqual(keysOf(await claim({ now: START + HOUR })), [newest.key]);
  }),

  storeCheck("lets a try again be superseded too", [], async (bench) => {
    const old = await tried(bench, entryOf({ series: "s" }), START + HOUR);
    const newest = entryOf({ series: "s" });
    assert.deepEqual((await bench.add(newest)).superseded, [old.key]);
    assert.deepEqual(keysOf(await bench.claim({ now: START + HOUR })), [newest.key]);
  }),
];
