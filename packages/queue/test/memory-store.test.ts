import { Refusal, contentOf, envelope, readAll } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../src/index.ts";
import type { ClaimRequest, Entry, Store } from "../src/index.ts";

const START = 1_800_000_000_000;
const HOUR = 3_600_000;
const bytes = new TextEncoder().encode("Subject: Hi\r\n\r\nHi\r\n");

function entryOf(key: string, rest: Partial<Entry> = {}): Entry {
  return {
    key,
    mail: `mail of ${key}`,
    envelope: envelope("a@x.example", [`${key}@y.example`]),
    meta: {},
    lane: "y.example",
    priority: 0,
    state: "ready",
    createdAt: START,
    dueAt: 0,
    agesFrom: START,
    attempts: 0,
    lapses: 0,
    last: [],
    ...rest,
  };
}

async function filled(...entries: readonly Entry[]): Promise<Store> {
  const store = memoryStore();
  for (const entry of entries) await store.add([entry], contentOf(bytes));
  return store;
}

async function claim(store: Store, rest: Partial<ClaimRequest> = {}): Promise<readonly string[]> {
  return (await store.claim({ now: START, limit: 100, perLane: 100, ttl: 60_000, ...rest })).map(({ entry }) => entry.key);
}

describe("memoryStore", () => {
  it("gives what was added: entry and bytes", async () => {
    const store = await filled(entryOf("one"));
    const [lease] = await store.claim({ now: START, limit: 1, perLane: 1, ttl: 1000 });
    expect(lease?.entry).toEqual(entryOf("one"));
    expect(lease && (await readAll(store.read(lease)))).toEqual(bytes);
  });

  it("refuses with 4.3.1 what is too much, and keeps nothing of it", async () => {
    const few = memoryStore({ maxEntries: 1 });
    await expect(few.add([entryOf("one"), entryOf("two")], contentOf(bytes))).rejects.toMatchObject({ status: "4.3.1" });
    expect(await claim(few)).toEqual([]);
    const small = memoryStore({ maxBytes: 10 });
    await expect(small.add([entryOf("one")], contentOf(bytes))).rejects.toMatchObject({ status: "4.3.1" });
    await expect(small.add([entryOf("one")], { open: () => [bytes] })).rejects.toMatchObject({ status: "4.3.1" });
    expect(await small.stats(START)).toMatchObject({ bytes: 0, due: 0 });
  });

  it("refuses content that is not as long as it says", async () => {
    const store = memoryStore();
    await expect(store.add([entryOf("one")], { size: 3, open: () => [bytes] })).rejects.toBeInstanceOf(Refusal);
    expect(await claim(store)).toEqual([]);
  });

  it("takes turns between lanes, and in a lane between new and tried; the highest priority first", async () => {
    const store = await filled(
      ...["a1", "a2", "a3"].map((key) => entryOf(key, { lane: "a" })),
      entryOf("a4", { lane: "a", attempts: 1 }),
      entryOf("b1", { lane: "b" }),
      entryOf("c1", { lane: "c", priority: 1 }),
    );
    expect(await claim(store)).toEqual(["c1", "a1", "b1", "a4", "a2", "a3"]);
  });

  it("probes a lane that was parked with one entry, until somebody ends it", async () => {
    const store = await filled(...["a", "b", "c"].map((key) => entryOf(key)), entryOf("d", { lane: "z.example" }));
    await store.park("y.example", START + 5000);
    expect(await claim(store)).toEqual(["d"]);
    expect(await store.nextDue()).toBe(START + 5000);
    expect(await claim(store, { now: START + 5000 })).toEqual(["a"]);
    expect(await claim(store, { now: START + 5000 })).toEqual([]);
    await store.park("y.example", 0);
    expect(await claim(store, { now: START + 5000 })).toEqual(["b", "c"]);
  });

  it("gives the aged in spite of due time and parking, and the expired always", async () => {
    const waits = { dueAt: START + HOUR, attempts: 1 };
    const store = await filled(
      entryOf("old", { ...waits, agesFrom: START - HOUR }),
      entryOf("young", waits),
      entryOf("worthless", { ...waits, expiresAt: START }),
    );
    await store.park("y.example", START + HOUR);
    expect(await claim(store, { aged: START - HOUR, perLane: 0 })).toEqual(["worthless"]);
    expect(await claim(store, { aged: START - HOUR })).toEqual(["old"]);
  });

  it("gives those of whose lateness nobody was told, in spite of due time and parking", async () => {
    const waits = { dueAt: START + HOUR, attempts: 1, agesFrom: START - HOUR };
    const store = await filled(entryOf("untold", waits), entryOf("told", { ...waits, delayed: true }));
    await store.park("y.example", START + HOUR);
    expect(await claim(store, { late: START - HOUR })).toEqual(["untold"]);
  });

  it("counts a lapse for every lease that ran out, and forgets them when its worker says so", async () => {
    const store = await filled(entryOf("one"));
    await claim(store);
    const [second] = await store.claim({ now: START + 60_000, limit: 1, perLane: 1, ttl: 1000 });
    expect(second?.entry.lapses).toBe(1);
    expect(second && (await store.settle(second, { ...second.entry, lapses: 0, dueAt: 0 }))).toBe(true);
    expect(await store.get("one")).toMatchObject({ lapses: 0 });
  });

  it("#55: a clock that goes back keeps ages and the waits of what was tried", async () => {
    const store = await filled(
      entryOf("tried", { attempts: 1, dueAt: START + 1000 }),
      entryOf("sent later", { dueAt: START + 1000 }),
    );
    await claim(store);
    const back = START - 10 * 24 * HOUR;
    expect(await claim(store, { now: back, aged: back - HOUR })).toEqual([]);
    expect(await claim(store, { now: back + 1000 })).toEqual(["tried"]);
    expect(await store.get("sent later")).toMatchObject({ dueAt: START + 1000, agesFrom: back });
  });

  it("#55: time in which nobody claimed ages nothing", async () => {
    const store = await filled(entryOf("one", { dueAt: START + 1 }));
    await claim(store);
    const later = START + 10 * 24 * HOUR;
    expect(await claim(store, { now: later, aged: later - 5 * 24 * HOUR, perLane: 0 })).toEqual([]);
    expect(await store.get("one")).toMatchObject({ agesFrom: later });
  });

  it("lets go of the content with the last entry that needs it", async () => {
    const store = memoryStore();
    await store.add([entryOf("one"), entryOf("two")], contentOf(bytes));
    for (const lease of await store.claim({ now: START, limit: 1, perLane: 9, ttl: 9 })) await store.settle(lease, null);
    expect((await store.stats(START)).bytes).toBe(bytes.byteLength);
    await store.change({ key: "two" }, "cancel", START);
    expect(await store.stats(START)).toMatchObject({ bytes: 0, due: 0, lanes: [] });
  });
});
