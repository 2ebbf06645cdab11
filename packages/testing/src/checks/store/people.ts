import type { Selection } from "@postroad/queue";
import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import type { StoreBench, StoreSuite } from "./bench.ts";
import { BYTES, DAY, HOUR, MINUTE, START, bytesKept, deferred, entriesOf, entryOf, keysOf, storeCheck, tried } from "./bench.ts";
import { deferral } from "../../deferral.ts";

/** Somebody has it; everything the bench does besides leaves it alone. */
async function inFlight({ add, claimOne }: StoreBench): Promise<Awaited<ReturnType<StoreBench["claimOne"]>>> {
  await add(entryOf({ lane: "in flight", series: "in flight" }));
  return claimOne({ ttl: 9 * HOUR });
}

export const peopleChecks: readonly Check<StoreSuite>[] = [
  storeCheck("lists in the order of keys, page by page", [], async ({ store, add }) => {
    const entries = entriesOf(25);
    await add(...entries.toReversed());
    const listed: string[] = [];
    for (let after: string | undefined; ; after = listed.at(-1)) {
      const page = await store.list({ limit: 10, ...(after !== undefined && { after }) });
      assert.ok(page.length <= 10, `a page of ${page.length}, where 10 were asked for`);
      listed.push(...page.map(({ key }) => key));
      if (page.length < 10) break;
    }
    assert.deepEqual(listed, keysOf(entries));
  }),

  storeCheck("lists 100 unless told otherwise, and 1000 at most", [], async (bench) => {
    await bench.add(...entriesOf(150));
    assert.equal((await bench.store.list()).length, 100);
    assert.equal((await bench.store.list({ limit: 1000 })).length, 150);
    for (const limit of [0, 1001, 1.5, Number.NaN]) await assert.rejects(bench.store.list({ limit }), `limit ${limit}`);
  }),

  storeCheck("lists by key, mail, lane and state", [], async (bench) => {
    const { store, add } = bench;
    const [a, b, c] = [entryOf({ lane: "a", mail: "one" }), entryOf({ lane: "b", mail: "one" }), entryOf({ lane: "a", state: "held" })];
    await add(a, b);
    await add(c);
    const select = async (selection: Selection): Promise<readonly string[]> => keysOf(await store.list(selection));
    assert.deepEqual(await select({ key: b.key }), [b.key]);
    assert.deepEqual(await select({ mail: "one" }), keysOf([a, b]));
    assert.deepEqual(await select({ lane: "a" }), keysOf([a, c]));
    assert.deepEqual(await select({ state: "held" }), [c.key]);
    assert.deepEqual(await select({ lane: "a", state: "ready" }), [a.key]);
    assert.deepEqual(await select({ lane: "b", state: "held" }), []);
  }),

  storeCheck("shows an entry with its size, and whether a worker has it", [], async (bench) => {
    const entry = entryOf();
    await bench.add(entry);
    assert.deepEqual(await bench.store.get(entry.key), { ...entry, leased: false, size: BYTES.byteLength });
    await bench.claimOne();
    assert.equal((await bench.store.get(entry.key))?.leased, true);
    assert.equal(await bench.store.get("unknown"), undefined);
  }),

  storeCheck("holds, and releases what is held", [], async (bench) => {
    const { store, add, claim } = bench;
    const [held, free] = [entryOf({ lane: "held" }), entryOf()];
    await add(held);
    await add(free);
    assert.equal(await store.change({ lane: "held" }, "hold", START), 1);
    assert.equal(await store.change({ lane: "held" }, "hold", START), 0, "what is held was held again");
    assert.deepEqual(keysOf(await claim()), [free.key]);
    assert.equal(await store.change({ mail: held.mail }, "release", START), 1);
    assert.deepEqual(keysOf(await claim()), [held.key]);
  }),

  storeCheck("releases into what was waiting", [], async ({ store, add, claim }) => {
    const entry = entryOf({ dueAt: START + HOUR });
    await add(entry);
    await store.change({ key: entry.key }, "hold", START);
    await store.change({ key: entry.key }, "release", START);
    assert.deepEqual(await claim(), []);
    assert.deepEqual(keysOf(await claim({ now: START + HOUR })), [entry.key]);
  }),

  storeCheck("cancels, with the content", [], async (bench) => {
    const { store, add, claim } = bench;
    const entries = [1, 2, 3].map((index) => entryOf({ mail: "one", lane: `lane ${index}` }));
    await add(...entries);
    assert.equal(await store.change({ lane: "lane 1" }, "cancel", START), 1);
    assert.equal(await bytesKept(bench), BYTES.byteLength, "two entries need the content still");
    assert.equal(await store.change({ mail: "one" }, "cancel", START), 2);
    assert.equal(await bytesKept(bench), 0, "the content is kept for nobody");
    assert.deepEqual(await claim(), []);
  }),

  storeCheck("tries again at once, and ends the parking", [], async (bench) => {
    const entry = await tried(bench, entryOf(), START + 9 * HOUR);
    await bench.store.park(entry.lane, START + 9 * HOUR);
    assert.equal(await bench.store.change({ lane: entry.lane }, "retry", START + MINUTE), 1);
    const lease = await bench.claimOne({ now: START + MINUTE });
    assert.deepEqual(lease.entry, { ...entry, dueAt: START + MINUTE });
  }),

  storeCheck("tries what is dead again from the beginning", [], async (bench) => {
    const { store, add, claimOne } = bench;
    await add(entryOf());
    const lease = await claimOne();
    await store.settle(lease, { ...deferred(lease, START), state: "dead", note: "given up" });
    assert.equal(await store.change({ state: "dead" }, "retry", START + HOUR), 1);
    const { state, attempts, lapses, agesFrom, dueAt, note } = (await claimOne({ now: START + HOUR })).entry;
    assert.deepEqual({ state, attempts, lapses, agesFrom, dueAt, note }, {
      state: "ready",
      attempts: 0,
      lapses: 0,
      agesFrom: START + HOUR,
      dueAt: START + HOUR,
      note: undefined,
    });
  }),

  ...(["cancel", "hold", "retry"] as const).map((what) =>
    storeCheck(`#62: leaves to its worker what is in flight: ${what}`, [], async (bench) => {
      const { store } = bench;
      const lease = await inFlight(bench);
      assert.equal(await store.change({ key: lease.entry.key }, what, START), 0);
      assert.equal((await store.get(lease.entry.key))?.state, "ready");
      assert.equal(await store.settle(lease, deferred(lease, START + HOUR)), true, "the lease was lost");
      assert.equal((await store.get(lease.entry.key))?.dueAt, START + HOUR);
    }),
  ),

  storeCheck("#62: ends no lease but of what is selected, whatever the time of whoever asks", [], async (bench) => {
    const { store, add } = bench;
    const lease = await inFlight(bench);
    const other = entryOf({ lane: "other" });
    await add(other);
    assert.equal(await store.change({ mail: other.mail }, "cancel", START + DAY), 1);
    assert.equal(await store.settle(lease, null), true, "the lease was lost");
  }),

  ...(["cancel", "hold", "retry"] as const).map((what) =>
    storeCheck(`changes any number of entries: ${what}`, [], async (bench) => {
      const { store, add } = bench;
      const lease = await inFlight(bench);
      const other = entryOf({ lane: "other" });
      await add(other);
      for (let count = 0; count < 2500; count += 500) await add(...entriesOf(500, { dueAt: START + HOUR }));
      assert.equal(await store.change({ lane: "example.net" }, what, START), 2500);
      const { due, waiting, held, leased } = await store.stats(START);
      const done = { cancel: { due: 1, held: 0 }, hold: { due: 1, held: 2500 }, retry: { due: 2501, held: 0 } }[what];
      assert.deepEqual({ due, waiting, held, leased }, { ...done, waiting: 0, leased: 1 });
      assert.equal(await store.settle(lease, null), true, "what was in flight was changed");
      assert.equal((await store.get(other.key))?.state, "ready", "what was not selected was changed");
    }),
  ),

  storeCheck("changes nothing without a selection", [], async (bench) => {
    await bench.add(entryOf());
    await assert.rejects(bench.store.change({}, "cancel", START));
    assert.equal((await bench.claim()).length, 1);
  }),

  storeCheck("counts by state and lane", [], async (bench) => {
    const { store, add, claim } = bench;
    await inFlight(bench);
    await add(...entriesOf(3, { lane: "a", createdAt: START - HOUR, dueAt: START - HOUR }));
    await add(entryOf({ lane: "a", dueAt: START + HOUR }));
    await add(entryOf({ lane: "b", state: "held", createdAt: START - 9 * HOUR }));
    await add(entryOf({ lane: "b", state: "dead", createdAt: START - 9 * HOUR }));
    await store.park("a", START + HOUR);
    await claim({ lanes: new Map([["b", 0]]) });
    const { lanes, ...all } = await store.stats(START);
    const nothing = { due: 0, waiting: 0, leased: 0, held: 0, dead: 0 };
    assert.deepEqual(all, { due: 3, waiting: 1, leased: 1, held: 1, dead: 1, oldest: START - HOUR, bytes: 5 * BYTES.byteLength });
    assert.deepEqual(lanes, [
      { ...nothing, lane: "a", due: 3, waiting: 1, oldest: START - HOUR, parkedUntil: START + HOUR },
      { ...nothing, lane: "b", held: 1, dead: 1 },
      { ...nothing, lane: "in flight", leased: 1, oldest: START },
    ]);
    assert.equal((await store.stats(START + HOUR)).due, 4, "what is due by now is not counted as due");
  }),

  storeCheck("tells of nothing where there is nothing", [], async ({ store }) => {
    assert.deepEqual(await store.stats(START), { due: 0, waiting: 0, leased: 0, held: 0, dead: 0, bytes: 0, lanes: [] });
    assert.deepEqual(await store.list(), []);
  }),

  storeCheck("wakes who watches, until they end it", [], async (bench) => {
    const { store, add, claimOne, settled } = bench;
    let ended = 0;
    let woken = deferral<void>();
    store.watch(() => (ended += 1))();
    const end = store.watch(() => woken.resolve());
    async function wakes(what: string, work: () => Promise<unknown>): Promise<void> {
      woken = deferral<void>();
      await work();
      await settled(`waking after ${what}`, woken.promise);
    }
    await wakes("add", () => add(entryOf()));
    const lease = await claimOne();
    await wakes("settle", () => store.settle(lease, lease.entry));
    await store.change({ state: "ready" }, "hold", START);
    await wakes("release", () => store.change({ state: "held" }, "release", START));
    await wakes("retry", () => store.change({ state: "ready" }, "retry", START));
    await store.park("example.net", START + HOUR);
    await wakes("the end of parking", () => store.park("example.net", 0));
    end();
    end();
    assert.equal(ended, 0, "it woke who had ended it");
  }),
];
