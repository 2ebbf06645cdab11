import type { Content } from "@postroad/core";
import { Refusal } from "@postroad/core";
import type { Added, ClaimRequest, Damaged, Entry, Lease, Store } from "@postroad/queue";
import { basename, join } from "node:path";
import { spool } from "./contents.ts";
import { removeFile } from "./files.ts";
import type { Answers, Named, Requests, Stored } from "./messages.ts";
import type { Resolved, SqliteStoreOptions } from "./options.ts";
import { resolveSqliteOptions } from "./options.ts";
import { contentBy, contentFrom } from "./reading.ts";
import { badRequest } from "./refusals.ts";
import { changeRequest, claimRequest, listRequest } from "./requests.ts";
import { DAMAGED, draftOf, entryOf, listedOf, text, time } from "./rows.ts";
import type { Thread } from "./thread.ts";
import { threadOf } from "./thread.ts";
import { watchersOf } from "./watchers.ts";
import { workOf } from "./work.ts";

/**
 * Keeps a queue in one SQLite file: what `add` resolved for is synced to the disk. Concurrent calls share a commit, and
 * a thread of its own does the work, so that syncing holds up nobody. Several processes on one machine may use a file
 * at once. The file is opened, and made where it is missing, when the store is first asked for something.
 *
 * Throws a ConfigError for a path or an option that cannot be.
 */
export function sqliteStore(path: string, options: SqliteStoreOptions = {}): Store {
  const settings = resolveSqliteOptions(path, options);
  const name = `sqlite:${basename(settings.path)}`;
  const work = workOf(name);
  const removals = new Set<Promise<void>>();
  const watchers = watchersOf((watched) => thread.watch(watched ? settings.pollInterval : 0));
  const thread = threadOf(settings, {
    changed: () => watchers.wake(),
    removed(files) {
      for (const file of files) {
        const removal: Promise<void> = removeFile(join(settings.folder, file)).finally(() => removals.delete(removal));
        removals.add(removal);
      }
    },
  });
  const parts: Parts = { name, thread, settings, run: (task) => work.run(task), wake: () => watchers.wake() };
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    watchers.clear();
    await work.close();
    await thread.close();
    await Promise.all(removals);
  }

  return {
    name,
    ...writing(parts),
    ...delivering(parts),
    ...forPeople(parts),
    watch: (wake) => watchers.add(wake),
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}

/** What the methods work with. */
interface Parts {
  readonly name: string;
  readonly thread: Thread;
  readonly settings: Resolved;
  /** Not after disposal, which waits for what is under way. */
  readonly run: <T>(task: () => Promise<T>) => Promise<T>;
  readonly wake: () => void;
}

function writing({ thread, settings, run, wake }: Parts): Pick<Store, "add" | "park"> {
  async function add(entries: readonly Entry[], content: Content): Promise<Added> {
    const rows = entries.map(draftOf);
    if (rows.length === 0) throw badRequest("add: there is no entry");
    const spooled = await spool(content, settings);
    const file = "file" in spooled.body ? join(settings.folder, spooled.body.file) : undefined;
    try {
      const asked = thread.ask({ verb: "add", request: { rows, ...spooled } });
      // Who claims now is answered after this is done, and mostly by the same commit.
      wake();
      const { full, ...added } = await asked;
      if (full !== undefined) throw new Refusal("4.3.1", `the queue is full: ${full}`, { phase: "store" });
      if (!added.added.includes(true) && file !== undefined) await removeFile(file);
      return added;
    } catch (error) {
      // Where nobody knows whether it is referred to, the next start finds out.
      if (file !== undefined && !isUncertain(error)) await removeFile(file);
      throw error;
    }
  }
  return {
    add: (entries, content) => run(() => add(entries, content)),
    park: (lane, until) =>
      run(async () => {
        await thread.ask({ verb: "park", request: { lane: text("lane", lane), until: time("until", until) } });
        wake();
      }),
  };
}

function isUncertain(error: unknown): boolean {
  return error instanceof Refusal && error.options.uncertain === true;
}

type Delivering = Pick<Store, "claim" | "read" | "renew" | "settle" | "nextDue">;

function delivering({ name, thread, settings: { folder }, run, wake }: Parts): Delivering {
  const contents = new WeakMap<Lease, Stored>();

  async function claim(request: ClaimRequest): Promise<readonly Lease[]> {
    const { leases, contents: along, damaged } = await thread.ask({ verb: "claim", request: claimRequest(request) });
    const unreadable: (Damaged & Named)[] = [];
    const given = leases.flatMap(({ row, token, probe, content }): readonly Lease[] => {
      const entry = entryOf(row);
      if (entry === undefined) {
        unreadable.push({ key: row.key, mail: row.mail, lane: row.lane, note: DAMAGED, token });
        return [];
      }
      const lease: Lease = { entry, token, ...(probe && { probe }) };
      const stored = along[content];
      if (stored !== undefined) contents.set(lease, stored);
      return [lease];
    });
    if (unreadable.length > 0) await setAside(unreadable);
    for (const { key, mail, lane, note } of [...damaged, ...unreadable]) request.onDamaged?.({ key, mail, lane, note });
    return given;
  }

  /** Where it fails, its lease runs out, and the next claim finds it again; the others are given all the same. */
  async function setAside(entries: Requests["quarantine"]["entries"]): Promise<void> {
    try {
      await thread.ask({ verb: "quarantine", request: { entries } });
    } catch (error) {
      process.emitWarning(`${name}: cannot set aside what is damaged: ${String(error)}`);
    }
  }

  async function fetch(lease: Lease): Promise<Stored> {
    const stored = await run(() => thread.ask({ verb: "content", request: named(lease) }));
    if (stored !== null) return stored;
    throw new Refusal("4.3.0", `the lease of ${lease.entry.key} was lost`, { phase: "store" });
  }

  return {
    claim: (request) => run(() => claim(request)),
    read(lease) {
      const stored = contents.get(lease);
      const get = (): Promise<Stored> => fetch(lease);
      return stored === undefined ? contentBy(folder, get) : contentFrom(stored, folder, get);
    },
    renew: (leases, until) =>
      run(() => thread.ask({ verb: "renew", request: { leases: leases.map(named), until: time("until", until) } })),
    settle: (lease, next) =>
      run(async () => {
        if (next !== null && next.key !== lease.entry.key) throw badRequest("settle: next has another key");
        const request = { ...named(lease), next: next === null ? null : draftOf(next) };
        const settled = thread.ask({ verb: "settle", request });
        wake();
        return settled;
      }),
    nextDue: () => run(async () => (await thread.ask({ verb: "nextDue", request: {} })) ?? undefined),
  };
}

function named({ entry, token }: Lease): Named {
  return { key: entry.key, token };
}

function forPeople({ thread, run, wake }: Parts): Pick<Store, "stats" | "list" | "get" | "change"> {
  return {
    stats: (now) => run(() => thread.ask({ verb: "stats", request: { now: time("now", now) } })),
    list: (request = {}) =>
      run(async () => (await thread.ask({ verb: "list", request: listRequest(request) })).map(listedOf)),
    get: (key) =>
      run(async () => {
        const [found] = await thread.ask({ verb: "list", request: listRequest({ key, limit: 1 }) });
        return found && listedOf(found);
      }),
    change: (selection, what, now) =>
      run(async () => {
        const request = changeRequest(selection, what, now);
        let changed = 0;
        try {
          for (let after: string | null = ""; after !== null; ) {
            const piece: Answers["change"] = await thread.ask({ verb: "change", request: { ...request, after } });
            changed += piece.changed;
            after = piece.last;
          }
        } finally {
          if (changed > 0) wake();
        }
        return changed;
      }),
  };
}
