import { contentOf } from "@postroad/core";
import type { Entry, Lease, Store } from "@postroad/queue";
import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { DAY, HOUR, MINUTE, START, contentFrom, deferred } from "./bench.ts";

/** What is to be seen of a store from outside. */
export interface Snapshot {
  readonly list: readonly unknown[];
  readonly stats: unknown;
}

export async function snapshotOf(store: Store): Promise<Snapshot> {
  return { list: await store.list({ limit: 1000 }), stats: await store.stats(START) };
}

/** What the child process prints, a line each. */
export type ChildLine =
  | { readonly begun: string }
  | { readonly done: string; readonly snapshot?: Snapshot }
  | { readonly start: Snapshot };

interface Steps {
  readonly store: Store;
  readonly leases: Lease[];
}

/** The same entries in every process, so that what they leave can be compared. */
function known(key: string, given: Partial<Entry> = {}): Entry {
  return {
    key,
    mail: `mail ${key}`,
    envelope: { from: "sender@example.org", to: [{ address: `${key}@example.net` }] },
    meta: {},
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
  };
}

function leaseOf({ leases }: Steps, index: number): Lease {
  const lease = leases[index];
  assert.ok(lease, `lease ${index} was not given`);
  return lease;
}

/** Bytes by key, for who compares. */
export const LARGE: Buffer = Buffer.alloc(300_000, "0123456789");
export const SMALL: Buffer = Buffer.from("Subject: Killed\r\n\r\n");

/** One call of the store each; what is under way when the process is killed has happened or has not. */
const steps: Readonly<Record<string, (steps: Steps) => Promise<unknown>>> = {
  "add one": ({ store }) => store.add([known("a", { series: "s" })], contentOf(SMALL)),
  "add three with large content": ({ store }) =>
    store.add(
      [known("b"), known("c", { lane: "elsewhere" }), known("d", { dueAt: START + HOUR })],
      contentFrom(LARGE, 10_000),
    ),
  claim: async ({ store, leases }) =>
    void leases.push(...(await store.claim({ now: START, limit: 10, perLane: 10, ttl: DAY }))),
  renew: ({ store, leases }) => store.renew(leases, START + 2 * DAY),
  "settle as finished": (all) => all.store.settle(leaseOf(all, 0), null),
  "settle with a next state": (all) => all.store.settle(leaseOf(all, 1), deferred(leaseOf(all, 1), START + MINUTE)),
  "settle as dead": (all) => all.store.settle(leaseOf(all, 2), { ...leaseOf(all, 2).entry, state: "dead" }),
  park: ({ store }) => store.park("elsewhere", START + HOUR),
  hold: ({ store }) => store.change({ key: "d" }, "hold", START),
  "add a series": ({ store }) => store.add([known("e", { series: "t" }), known("f")], contentOf(SMALL)),
  "supersede what waits": ({ store }) => store.add([known("g", { series: "t" })], contentFrom(LARGE, 100_000)),
  "cancel what is left of the large content": ({ store }) => store.change({ mail: "mail d" }, "cancel", START),
};

/** The steps at which a process is killed. */
export const STEPS: readonly string[] = Object.keys(steps);

/**
 * For the process that the suite kills: does one step after the other on this store, and says which it began and which
 * is done. What it is to do stands in the last argument.
 */
export async function storeChild(store: Store): Promise<void> {
  const [at = "", moment = ""] = (process.argv.at(-1) ?? "").split("@");
  const watched = at === "watch";
  const all: Steps = { store, leases: [] };
  if (watched) say({ start: await snapshotOf(store) });
  for (const [name, step] of Object.entries(steps)) {
    say({ begun: name });
    const work = step(all);
    if (name === at && moment !== "done") await dieAfter(Number(moment));
    await work;
    say(watched ? { done: name, snapshot: await snapshotOf(store) } : { done: name });
    if (name === at) await dieAfter(0);
  }
  await store[Symbol.asyncDispose]();
}

/** Killed by ourselves, as by anybody: nothing is flushed, closed or told. */
async function dieAfter(milliseconds: number): Promise<void> {
  if (milliseconds > 0) await wait(milliseconds);
  process.kill(process.pid, "SIGKILL");
  await wait(60_000);
}

function say(line: ChildLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}
