import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import type { StoreBench, StoreSuite } from "./bench.ts";
import { DAY, HOUR, MINUTE, START, entryOf, keysOf, storeCheck, tried } from "./bench.ts";

/** The clock as the claims tell it: one at START, and one at another time. */
async function jump({ claim }: StoreBench, by: number): Promise<number> {
  await claim({ lanes: new Map([["example.net", 0]]) });
  await claim({ now: START + by, lanes: new Map([["example.net", 0]]) });
  return START + by;
}

async function agesFrom({ store }: StoreBench, key: string): Promise<number | undefined> {
  return (await store.get(key))?.agesFrom;
}

/** What the contract says of `now` that jumps. */
export const clockChecks: readonly Check<StoreSuite>[] = [
  ...[-MINUTE, -1000, MINUTE, HOUR].map((by) =>
    storeCheck(`#55: a step of ${by / 1000} s changes nothing`, [], async (bench) => {
      const entry = await tried(bench, entryOf({ expiresAt: START + 9 * HOUR }), START + 5 * HOUR);
      await jump(bench, by);
      const found = await bench.store.get(entry.key);
      assert.deepEqual({ dueAt: found?.dueAt, agesFrom: found?.agesFrom }, { dueAt: START + 5 * HOUR, agesFrom: START });
      assert.equal(await bench.store.nextDue(), START + 5 * HOUR);
    }),
  ),

  ...[-2 * MINUTE, -HOUR, -10 * DAY, -366 * DAY].map((by) =>
    storeCheck(`#55: a clock that goes back by ${-by / MINUTE} minutes leaves everything the time it had`, [], async (bench) => {
      const { store, add, claim, claimOne } = bench;
      const waits = await tried(bench, entryOf({ lane: "waits" }), START + HOUR);
      await add(entryOf({ lane: "leased" }));
      const lease = await claimOne({ ttl: 2 * HOUR });
      await add(entryOf({ lane: "parked" }));
      await store.park("parked", START + 3 * HOUR);
      const fresh = entryOf({ lane: "fresh", dueAt: START + 4 * HOUR, expiresAt: START + 5 * HOUR });
      await add(fresh);
      const now = await jump(bench, by);
      assert.equal(await agesFrom(bench, fresh.key), START + by, "it did not keep its age");
      assert.equal((await store.get(fresh.key))?.expiresAt, START + 5 * HOUR);
      assert.equal((await store.get(fresh.key))?.dueAt, START + 4 * HOUR, "the due time of what was never tried has moved");
      assert.equal(await store.nextDue(), now + HOUR);
      assert.deepEqual(await claim({ now: now + HOUR - 1 }), []);
      assert.deepEqual(keysOf(await claim({ now: now + HOUR, ttl: DAY })), [waits.key]);
      assert.deepEqual(await claim({ now: now + 2 * HOUR - 1 }), []);
      assert.deepEqual(keysOf(await claim({ now: now + 2 * HOUR, ttl: DAY })), [lease.entry.key]);
      assert.equal(await store.settle(lease, null), false);
      assert.deepEqual(await claim({ now: now + 3 * HOUR - 1 }), []);
      assert.equal((await claim({ now: now + 3 * HOUR, ttl: DAY })).length, 1);
    }),
  ),

  ...[2 * HOUR, 10 * DAY, 3653 * DAY].map((by) =>
    storeCheck(`#55: a clock that goes on by ${by / HOUR} hours makes nothing older`, [], async (bench) => {
      const { add, claim } = bench;
      const waits = await tried(bench, entryOf(), START + HOUR);
      const held = entryOf({ state: "held" });
      await add(held);
      const now = await jump(bench, by);
      assert.equal(await agesFrom(bench, waits.key), START + by);
      assert.equal(await agesFrom(bench, held.key), START + by);
      assert.equal((await bench.store.get(waits.key))?.dueAt, START + HOUR);
      const [lease] = await claim({ now, aged: now - 1 });
      assert.equal(lease?.entry.agesFrom, START + by, "its worker is told another age");
    }),
  ),

  ...[
    { what: "after nobody was there for ten days", added: 10 * DAY, claimed: 10 * DAY + MINUTE },
    { what: "after the clock went back by ten days", added: -10 * DAY, claimed: -10 * DAY + MINUTE },
    { what: "by somebody whose clock is ten days ahead", added: 10 * DAY, claimed: MINUTE },
    { what: "by somebody whose clock is ten days behind", added: -10 * DAY, claimed: MINUTE },
  ].map(({ what, added, claimed }) =>
    storeCheck(`#55: what is added ${what} begins to age then`, [], async (bench) => {
      const closed = { lanes: new Map([["example.net", 0]]) };
      await bench.claim(closed);
      const createdAt = START + added;
      const [now, later] = [entryOf({ createdAt, agesFrom: createdAt }), entryOf({ createdAt, agesFrom: createdAt + 2 * DAY })];
      await bench.add(now);
      await bench.add(later);
      await bench.claim({ ...closed, now: START + claimed });
      for (const [key, wait] of [[now.key, 0], [later.key, 2 * DAY]] as const) {
        const age = START + claimed - ((await agesFrom(bench, key)) ?? 0) + wait;
        assert.ok(age >= -HOUR && age <= 2 * MINUTE, `it is ${age / MINUTE} minutes old after one`);
      }
    }),
  ),

  storeCheck("#55: ten days forth and back again, and back and forth, neither age nor spin", [], async (bench) => {
    const waits = await tried(bench, entryOf(), START + HOUR);
    for (const now of [START + 10 * DAY, START, START - 10 * DAY, START]) {
      await bench.claim({ now, lanes: new Map([["example.net", 0]]) });
      const from = await agesFrom(bench, waits.key);
      assert.ok(from !== undefined && now - from <= 0, `at ${now} it is ${now - (from ?? 0)} ms old`);
    }
  }),

  storeCheck("#55: what was due stays due when the clock goes back", [], async (bench) => {
    const { store, add, claim, claimOne } = bench;
    await add(entryOf());
    const lease = await claimOne();
    assert.deepEqual(await claim({ now: START - 10 * DAY }), []);
    await store.settle(lease, lease.entry);
    const again = await claimOne({ now: START - 10 * DAY });
    assert.equal(again.entry.key, lease.entry.key);
    assert.equal((await claimOne({ now: START - 10 * DAY + MINUTE })).entry.lapses, 1);
  }),

  storeCheck("#55: a lease renewed after the clock went back holds", [], async (bench) => {
    const { store, add, claim, claimOne } = bench;
    await add(entryOf());
    const lease = await claimOne({ ttl: MINUTE });
    const now = START - DAY;
    assert.deepEqual(await store.renew([lease], now + MINUTE), [true]);
    assert.deepEqual(await claim({ now }), [], "the lease was lost");
    assert.deepEqual(await claim({ now: now + MINUTE - 1 }), [], "the lease was lost");
    assert.equal(await store.settle(lease, null), true);
  }),
];
