import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import type { StoreSuite } from "./bench.ts";
import { HOUR, MINUTE, START, entriesOf, entryOf, keysOf, storeCheck, tried } from "./bench.ts";

/** Parking, and what is given in spite of it. */
export const parkingChecks: readonly Check<StoreSuite>[] = [
  storeCheck("gives nothing of a parked lane, and everything of the others", [], async ({ store, add, claim }) => {
    const other = entryOf({ lane: "other" });
    await store.park("example.net", START + HOUR);
    await add(entryOf(), other);
    assert.deepEqual(keysOf(await claim({ now: START + HOUR - 1, ttl: 10 * HOUR })), [other.key]);
  }),

  storeCheck("gives one entry at a time of a lane whose parking is over, until it is ended", [], async (bench) => {
    const { store, add, claim, claimOne } = bench;
    await add(...entriesOf(5));
    await store.park("example.net", START + HOUR);
    const now = START + HOUR;
    const probe = await claimOne({ now, limit: 5 });
    assert.equal(probe.probe, true, "it does not say that it is a probe");
    assert.deepEqual(await claim({ now }), [], "a second was given beside the first");
    await store.settle(probe, null);
    assert.equal((await claim({ now })).length, 1, "none was given after the first was settled");
    await store.park("example.net", 0);
    const others = await claim({ now });
    assert.equal(others.length, 3, "the lane is not as free as it was");
    assert.ok(others.every((lease) => lease.probe !== true), "what is not parked is called a probe");
  }),

  storeCheck("parks a lane anew and longer", [], async ({ store, add, claim, claimOne }) => {
    await add(entryOf());
    await store.park("example.net", START + MINUTE);
    await store.park("example.net", START + HOUR);
    assert.deepEqual(await claim({ now: START + MINUTE }), []);
    const lease = await claimOne({ now: START + HOUR });
    await store.park("example.net", START + 2 * HOUR);
    await store.settle(lease, lease.entry);
    assert.deepEqual(await claim({ now: START + 2 * HOUR - 1 }), []);
    assert.equal((await claim({ now: START + 2 * HOUR })).length, 1);
  }),

  storeCheck("keeps parked what comes due meanwhile", [], async ({ store, add, claim }) => {
    await store.park("example.net", START + HOUR);
    await add(...entriesOf(2, { dueAt: START + MINUTE }));
    assert.deepEqual(await claim({ now: START + 2 * MINUTE }), []);
    await store.park("example.net", 0);
    assert.equal((await claim({ now: START + 2 * MINUTE })).length, 2);
  }),

  storeCheck("gives what has expired, whatever its due time, its lane's limit and parking", [], async ({ store, add, claim }) => {
    const parked = entryOf({ lane: "parked", expiresAt: START + MINUTE });
    const later = entryOf({ lane: "later", expiresAt: START + MINUTE, dueAt: START + 9 * HOUR });
    const limited = entryOf({ lane: "limited", expiresAt: START + MINUTE });
    await store.park("parked", START + HOUR);
    for (const each of [parked, later, limited]) await add(each);
    await add(entryOf({ lane: "parked" }));
    const lanes = new Map([["limited", 0]]);
    assert.deepEqual(await claim({ now: START + MINUTE - 1, lanes }), []);
    assert.deepEqual(keysOf(await claim({ now: START + MINUTE, lanes })), keysOf([parked, later, limited]));
  }),

  storeCheck("gives what is too old, whatever its due time and parking, within the limit of its lane", [], async (bench) => {
    const { store, add, claim } = bench;
    const old = { agesFrom: START - 10 * HOUR, createdAt: START - 10 * HOUR };
    const parked = entryOf({ ...old, lane: "parked", dueAt: START - HOUR });
    const later = entryOf({ ...old, lane: "later", dueAt: START + 9 * HOUR });
    const limited = entryOf({ ...old, lane: "limited", dueAt: START + 9 * HOUR });
    await store.park("parked", START + HOUR);
    for (const each of [parked, later, limited, entryOf({ lane: "parked" })]) await add(each);
    const lanes = new Map([["limited", 0]]);
    assert.deepEqual(await claim({ aged: START - 11 * HOUR, lanes }), []);
    assert.deepEqual(keysOf(await claim({ aged: START - 9 * HOUR, lanes })), keysOf([parked, later]));
    assert.deepEqual(keysOf(await claim({ aged: START - 9 * HOUR })), [limited.key]);
  }),

  storeCheck("gives what is late, until its sender was told", [], async (bench) => {
    const { store, add, claimOne, claim } = bench;
    const late = entryOf({ createdAt: START - 5 * HOUR, agesFrom: START - 5 * HOUR, dueAt: START + 9 * HOUR });
    await add(late);
    await add(entryOf({ dueAt: START + 9 * HOUR }));
    assert.deepEqual(await claim({ late: START - 6 * HOUR }), []);
    const lease = await claimOne({ late: START - 4 * HOUR });
    assert.equal(lease.entry.key, late.key);
    assert.equal(await store.settle(lease, { ...lease.entry, delayed: true }), true);
    assert.deepEqual(await claim({ late: START - 4 * HOUR }), [], "it was given once more");
    assert.deepEqual(keysOf(await claim({ late: START - 4 * HOUR, aged: START - 4 * HOUR })), [late.key]);
  }),

  storeCheck("gives an entry with nobody left only when it is due", [], async ({ store, add, claim, claimOne }) => {
    await add(entryOf({ expiresAt: START + HOUR, agesFrom: START - 9 * HOUR }));
    const lease = await claimOne();
    const owed = { ...lease.entry, envelope: { ...lease.entry.envelope, to: [] }, dueAt: START + 3 * HOUR };
    assert.equal(await store.settle(lease, owed), true);
    assert.deepEqual(await claim({ now: START + 3 * HOUR - 1, aged: START, late: START }), []);
    assert.equal((await claim({ now: START + 3 * HOUR, aged: START, late: START })).length, 1);
  }),

  storeCheck("gives what is due beside any number of those that have expired", [], async ({ add, claim }) => {
    await add(...entriesOf(300, { expiresAt: START }));
    const due = entryOf({ lane: "due" });
    await add(due);
    const given = new Set<string>();
    for (let claims = 0; claims < 40; claims += 1) for (const { entry } of await claim({ limit: 10 })) given.add(entry.key);
    assert.equal(given.size, 301);
  }),

  storeCheck("says when there may be something to claim", [], async (bench) => {
    const { store, add, claimOne } = bench;
    assert.equal(await store.nextDue(), undefined);
    await add(entryOf({ dueAt: START + 5 * HOUR, lane: "waiting" }));
    assert.equal(await store.nextDue(), START + 5 * HOUR);
    await add(entryOf({ lane: "leased" }));
    const due = await store.nextDue();
    assert.ok(due !== undefined && due <= START, `${due} is not in the past, though an entry is due`);
    const lease = await claimOne({ ttl: HOUR });
    assert.equal(await store.nextDue(), START + HOUR, "not when the lease runs out");
    await store.renew([lease], START + 2 * HOUR);
    assert.equal(await store.nextDue(), START + 2 * HOUR);
    await store.park("leased", START + 90 * MINUTE);
    await store.settle(lease, lease.entry);
    assert.equal(await store.nextDue(), START + 90 * MINUTE, "not when the parking is over");
    await store.park("leased", START + 9 * HOUR);
    await add(entryOf({ dueAt: START + 9 * HOUR, expiresAt: START + 3 * HOUR, lane: "expiring" }));
    assert.equal(await store.nextDue(), START + 3 * HOUR, "not when an entry expires");
    await store.change({ state: "ready" }, "cancel", START);
    await store.park("leased", 0);
    assert.equal(await store.nextDue(), undefined);
  }),

  storeCheck("says when what was tried is due again", [], async (bench) => {
    await tried(bench, entryOf(), START + 3 * HOUR);
    assert.equal(await bench.store.nextDue(), START + 3 * HOUR);
  }),
];
