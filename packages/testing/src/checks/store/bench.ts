import type { Content } from "@postroad/core";
import { contentOf, envelope, readAll } from "@postroad/core";
import type { Added, ClaimRequest, Entry, Lease, Store } from "@postroad/queue";
import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import { within } from "../check.ts";

/**
 * What a store can do beyond the contract's minimum; checks that need more than is declared are left out.
 * - `limits`: `open` passes on how much the store may hold.
 * - `reopens`: `again` of the subject opens the same data once more, after the first store was disposed.
 * - `shares`: `again` does so while the first store is open, as another process would.
 * - `processes`: `child` of the subject tells how to open the data in a process that is killed.
 */
export type StoreCapability = "limits" | "reopens" | "shares" | "processes";

/** How much a store may hold. */
export interface StoreLimits {
  readonly maxEntries?: number;
  readonly maxBytes?: number;
}

/** A store with what is known of the place where it keeps its data. */
export interface StoreSubject extends Partial<AsyncDisposable> {
  readonly store: Store;
  /** Another store on the same data. The suite disposes it. */
  readonly again?: () => Store | Promise<Store>;
  /**
   * Arguments for Node that run a module of yours on the same data: it opens the store and hands it to `storeChild`.
   * The suite adds one argument more.
   */
  readonly child?: readonly string[];
}

export interface StoreSuite {
  /** Title of the suite. */
  readonly name?: string;
  /** A fresh, empty store for each check. The suite disposes it, and then the subject where it can be disposed. */
  readonly open: (limits: StoreLimits) => Store | StoreSubject | Promise<Store | StoreSubject>;
  /** @default [] */
  readonly capabilities?: readonly StoreCapability[];
  /** Milliseconds after which a call that does not settle counts as hanging. @default 10_000 */
  readonly patience?: number;
}

/** The time at which the checks begin: 15 January 2027. */
export const START = 1_800_000_000_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** What a check of a store works with. */
export interface StoreBench {
  readonly store: Store;
  readonly subject: StoreSubject;
  /** The same promise, but rejects where it takes longer than `patience`. */
  readonly settled: <T>(what: string, work: PromiseLike<T>) => Promise<T>;
  /** Adds entries of one mail with a content like any other. */
  readonly add: (...entries: readonly Entry[]) => Promise<Added>;
  /** Claims at START, up to 100 entries for a minute, unless told otherwise. */
  readonly claim: (request?: Partial<ClaimRequest>) => Promise<readonly Lease[]>;
  /** Claims one entry and insists on it. */
  readonly claimOne: (request?: Partial<ClaimRequest>) => Promise<Lease>;
}

/** A check that gets a fresh store, which is disposed whatever happens. */
export function storeCheck(
  name: string,
  needs: readonly StoreCapability[],
  body: (bench: StoreBench) => Promise<void>,
  limits: StoreLimits = {},
): Check<StoreSuite> {
  return { name, needs, run: (suite) => withStore(suite, limits, body) };
}

export async function withStore(
  suite: StoreSuite,
  limits: StoreLimits,
  body: (bench: StoreBench) => Promise<void>,
): Promise<void> {
  const opened = await suite.open(limits);
  const subject: StoreSubject = "claim" in opened ? { store: opened } : opened;
  const bench = benchOn(suite, subject, subject.store);
  try {
    await body(bench);
  } finally {
    await bench.settled("dispose", subject.store[Symbol.asyncDispose]());
    await subject[Symbol.asyncDispose]?.();
  }
}

/** Another store on the same data, with a bench of its own; disposed when the body is done. */
export async function again(
  suite: Pick<StoreBench, "settled" | "subject">,
  body: (bench: StoreBench) => Promise<void>,
): Promise<void> {
  const { again: open } = suite.subject;
  assert.ok(open, "the subject has no again(), which the capability needs");
  const store = await open();
  try {
    await body(benchFor(suite.settled, suite.subject, store));
  } finally {
    await suite.settled("dispose", store[Symbol.asyncDispose]());
  }
}

function benchOn({ patience = 10_000 }: StoreSuite, subject: StoreSubject, store: Store): StoreBench {
  return benchFor((what, work) => within({ patience }, what, work), subject, store);
}

function benchFor(settled: StoreBench["settled"], subject: StoreSubject, store: Store): StoreBench {
  const claim: StoreBench["claim"] = (request = {}) =>
    settled("claim", store.claim({ now: START, limit: 100, perLane: 100, ttl: MINUTE, ...request }));
  return {
    store,
    subject,
    settled,
    claim,
    add: (...entries) => settled("add", store.add(entries, contentOf(BYTES))),
    async claimOne(request = {}) {
      const [lease] = await claim({ limit: 1, ...request });
      assert.ok(lease, "nothing was claimed, though an entry is due");
      return lease;
    },
  };
}

/** The content of an entry that is like any other. */
export const BYTES: Uint8Array = new TextEncoder().encode("Subject: Conformance\r\n\r\n.\r\n..\r\nHello\r\n");

let made = 0;

/** An entry like any other, due at START; frozen, so that whoever changes it throws. */
export function entryOf(given: Partial<Entry> = {}): Entry {
  made += 1;
  const number = String(made).padStart(6, "0");
  return Object.freeze({
    key: `key-${number}`,
    mail: `mail-${number}`,
    envelope: envelope("sender@example.org", [`recipient${made}@example.net`]),
    meta: { tenant: "conformance" },
    lane: "example.net",
    priority: 0,
    state: "ready",
    createdAt: START,
    dueAt: START,
    agesFrom: START,
    attempts: 0,
    lapses: 0,
    last: [],
    ...given,
  });
}

/** Several of them, of different mails. */
export function entriesOf(count: number, given: Partial<Entry> = {}): readonly Entry[] {
  return Array.from({ length: count }, () => entryOf(given));
}

export function keysOf(all: readonly (Entry | Lease)[]): readonly string[] {
  return all.map((each) => ("entry" in each ? each.entry.key : each.key)).toSorted();
}

/** The next state after an attempt that deferred it. */
export function deferred({ entry }: Lease, dueAt: number): Entry {
  const [recipient] = entry.envelope.to;
  return {
    ...entry,
    dueAt,
    attempts: entry.attempts + 1,
    last: [
      { kind: "deferred", status: "4.2.2", by: "suite", recipient: recipient?.address ?? "", message: "mailbox full" },
    ],
  };
}

/** An entry that was tried once, and is due again at that time. */
export async function tried({ add, claimOne, store, settled }: StoreBench, entry: Entry, dueAt: number): Promise<Entry> {
  await add(entry);
  const lease = await claimOne();
  assert.equal(lease.entry.key, entry.key, "another entry was claimed");
  const next = deferred(lease, dueAt);
  assert.equal(await settled("settle", store.settle(lease, next)), true, "settling it was refused");
  return next;
}

export async function contentOfLease({ store, settled }: StoreBench, lease: Lease): Promise<Buffer> {
  return Buffer.from(await settled("reading", readAll(store.read(lease))));
}

export async function bytesKept({ store }: StoreBench): Promise<number> {
  return (await store.stats(START)).bytes;
}

/** It rejects, and with a Refusal of this status. */
export async function assertRefused(
  { settled }: StoreBench,
  what: string,
  work: Promise<unknown>,
  status: RegExp = /^4\.3\.[01]$/,
): Promise<void> {
  await assert.rejects(settled(what, work), (error: unknown) => {
    assert.ok(error instanceof Error && "status" in error, `${what}: ${String(error)} is no Refusal`);
    assert.match(String(error.status), status, `${what}: refused with ${String(error.status)}`);
    return true;
  });
}

export function contentFrom(bytes: Uint8Array, size: number): Content {
  return {
    size: bytes.byteLength,
    *open() {
      for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
    },
  };
}
