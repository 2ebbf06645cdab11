import type { Content } from "@postroad/core";
import { ConfigError, Refusal, checkOptions, contentOf, isInteger, readAll } from "@postroad/core";
import type { Entry, ListRequest, Listed, Store } from "../store.ts";
import type { Blob, Kept } from "./kept.ts";
import { checkClaim, checkEntry, checkTimes } from "./checks.ts";
import { memory } from "./keys.ts";
import { pool } from "./pool.ts";
import { statsOf } from "./stats.ts";

export interface MemoryStoreOptions {
  /** Entries kept at most; more are refused with 4.3.1. @default 1_000_000 */
  readonly maxEntries?: number;
  /** Bytes of content kept at most. @default 536_870_912, 512 MiB */
  readonly maxBytes?: number;
  /** Milliseconds for which the keys of finished entries are remembered, so that adding them again adds nothing. @default 86_400_000, a day */
  readonly remember?: number;
}

/** Keys of finished entries remembered at most. */
const REMEMBERED = 1_000_000;

/**
 * A store in the memory of this process, for tests and for mail that may be lost: **everything in it is lost with the
 * process**, and what was accepted with it. It keeps the rest of the contract.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkOptions("memoryStore", options, { maxEntries: isInteger(1), maxBytes: isInteger(1), remember: isInteger(0) });
  const { maxEntries = 1_000_000, maxBytes = 536_870_912, remember = 86_400_000 } = options;
  const finished = memory(remember, REMEMBERED);
  const watchers = new Set<() => void>();
  let bytes = 0;
  let isClosed = false;
  const kept = pool(finished, (blob, users) => {
    if (blob.users === 0) bytes += blob.bytes.byteLength;
    blob.users += users;
    if (blob.users === 0) bytes -= blob.bytes.byteLength;
  });

  function wake(): void {
    for (const watcher of watchers) watcher();
  }

  /** Runs what a method does; nothing of it is under way when it returns. */
  async function run<T>(task: () => T | Promise<T>): Promise<T> {
    if (isClosed) throw new Refusal("4.3.0", "the store is closed");
    return task();
  }

  function insert(entries: readonly Entry[], content: Uint8Array): Awaited<ReturnType<Store["add"]>> {
    const isNew = newOnes(entries, (key) => kept.entries.has(key) || finished.has(key));
    const count = isNew.filter(Boolean).length;
    if (count === 0) return { added: isNew, superseded: [] };
    if (kept.entries.size + count > maxEntries) throw new Refusal("4.3.1", `the queue is full: it keeps ${maxEntries} entries`);
    if (bytes + content.byteLength > maxBytes) throw tooMuch(maxBytes);
    const blob: Blob = { bytes: content, users: 0 };
    const superseded = new Set<string>();
    for (const [index, entry] of entries.entries()) {
      if (isNew[index] !== true) continue;
      kept.add(entry, blob);
      if (entry.series !== undefined) for (const key of kept.supersede(entry.series, entry.mail)) superseded.add(key);
    }
    wake();
    return { added: isNew, superseded: [...superseded] };
  }

  return {
    name: "memory",
    add: (entries, content) =>
      run(async () => {
        entries.forEach(checkEntry);
        const read = await bytesOf(content, maxBytes - bytes, () => tooMuch(maxBytes));
        // It may have been closed while the content was read.
        return run(() => insert(entries, read));
      }),
    claim: (request) =>
      run(() => {
        checkClaim(request);
        return kept.claim(request);
      }),
    read(lease) {
      const found = kept.holder(lease);
      if (found === undefined) throw new Refusal("4.3.0", `the lease of ${lease.entry.key} was lost`);
      return contentOf(found.blob.bytes);
    },
    renew: (leases, until) =>
      run(() => {
        checkTimes({ until });
        return leases.map((lease) => {
          const found = kept.holder(lease);
          if (found !== undefined) kept.renew(found, until);
          return found !== undefined;
        });
      }),
    settle: (lease, next) =>
      run(() => {
        if (next !== null) checkEntry(next);
        const found = kept.holder(lease);
        if (found === undefined) return false;
        const { key, lane, agesFrom, lapses } = found.entry;
        kept.put(found, next && { ...next, key, lane, agesFrom, lapses: Math.min(lapses, next.lapses) });
        wake();
        return true;
      }),
    park: (lane, until) =>
      run(() => {
        checkTimes({ until });
        kept.lanes.park(lane, until === 0 ? undefined : until);
        if (until === 0) wake();
      }),
    nextDue: () => run(() => kept.nextDue()),
    watch(watcher) {
      // Another function for each call, so that two with the same do not end each other.
      const own = (): void => watcher();
      watchers.add(own);
      return () => void watchers.delete(own);
    },
    stats: (now) => run(() => statsOf(kept, now, bytes)),
    list: (request = {}) => run(() => page(kept.matching(request), request)),
    get: (key) =>
      run(() => {
        const found = kept.entries.get(key);
        return found === undefined ? undefined : listed(found);
      }),
    change: (selection, what, now) =>
      run(() => {
        checkTimes({ now });
        if (Object.values(selection).every((part) => part === undefined)) throw nothingSelected();
        const open = kept.matching(selection).filter(({ lease }) => lease === undefined || lease.until <= now);
        const changed = open.filter((each) => {
          const next = changes[what](each.entry, now);
          if (next === undefined) return false;
          kept.put(each, next);
          if (what === "retry") kept.lanes.park(each.entry.lane, undefined);
          return true;
        });
        if (changed.length > 0) wake();
        return changed.length;
      }),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      watchers.clear();
    },
  };
}

/** What an entry becomes; null where it is gone, undefined where nothing changes. */
const changes: Record<Parameters<Store["change"]>[1], (entry: Entry, now: number) => Entry | null | undefined> = {
  cancel: () => null,
  hold: (entry) => (entry.state === "ready" ? { ...entry, state: "held" } : undefined),
  release: (entry) => (entry.state === "held" ? { ...entry, state: "ready" } : undefined),
  retry(entry, now) {
    if (entry.state === "ready") return { ...entry, dueAt: now };
    if (entry.state === "held") return undefined;
    const { note: _, ...rest } = entry;
    return { ...rest, state: "ready", dueAt: now, agesFrom: now, attempts: 0, lapses: 0 };
  },
};

function newOnes(entries: readonly Entry[], isKnown: (key: string) => boolean): readonly boolean[] {
  const own = new Set<string>();
  return entries.map(({ key }) => {
    const isNew = !isKnown(key) && !own.has(key);
    own.add(key);
    return isNew;
  });
}

/** A copy: what the bytes are in may be used for others afterwards. */
async function bytesOf(content: Content, room: number, tooMany: () => Refusal): Promise<Uint8Array> {
  if (content.size !== undefined && content.size > room) throw tooMany();
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await readAll(content, room));
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw cause instanceof RangeError ? tooMany() : new Refusal("4.3.0", "the content of the mail could not be read", { cause });
  }
  if (content.size === undefined || content.size === bytes.byteLength) return bytes;
  throw new Refusal("4.3.0", `the content has ${bytes.byteLength} bytes, and said ${content.size}`);
}

function listed({ entry, lease, blob }: Kept): Listed {
  return { ...entry, leased: lease !== undefined, size: blob.bytes.byteLength };
}

function page(among: readonly Kept[], { after = "", limit = 100 }: ListRequest): readonly Listed[] {
  checkOptions("list", { limit }, { limit: isInteger(1, 1000) });
  const rest = among.filter(({ entry }) => entry.key > after);
  return rest.toSorted((a, b) => (a.entry.key < b.entry.key ? -1 : 1)).slice(0, limit).map(listed);
}

function tooMuch(maxBytes: number): Refusal {
  return new Refusal("4.3.1", `the queue is full: it keeps ${maxBytes} bytes`);
}

function nothingSelected(): ConfigError {
  return new ConfigError("change", [{ path: "selection", message: "is empty; give a key, mail, lane or state" }]);
}
