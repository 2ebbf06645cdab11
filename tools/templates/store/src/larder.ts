import type { Content } from "@postroad/core";
import { contentOf, readAll, Refusal } from "@postroad/core";
import type { ClaimRequest, Entry, Lease, Selection, Store } from "@postroad/queue";
import { add, change, holder, settle } from "./changes.ts";
import { claim } from "./claiming.ts";
import type { Journal } from "./journal.ts";
import { openJournal } from "./journal.ts";
import { list, nextDue, stats } from "./looking.ts";
import type { LarderOptions } from "./options.ts";
import { resolveLarderOptions } from "./options.ts";
import type { State } from "./state.ts";
import { emptyState } from "./state.ts";

/** Everything that changes the store, as it is written down. What it does follows from it alone. */
type Operation =
  | { readonly verb: "add"; readonly entries: readonly Entry[]; readonly bytes: string }
  | { readonly verb: "claim"; readonly request: Omit<ClaimRequest, "lanes">; readonly lanes: readonly (readonly [string, number])[] }
  | { readonly verb: "renew"; readonly leases: readonly (readonly [key: string, token: string])[]; readonly until: number }
  | { readonly verb: "settle"; readonly key: string; readonly token: string; readonly next: Entry | null }
  | { readonly verb: "park"; readonly lane: string; readonly until: number }
  | { readonly verb: "change"; readonly selection: Selection; readonly what: Parameters<Store["change"]>[1]; readonly now: number };

/**
 * Keeps a queue in a file to which every change is appended, and in memory. It has the whole contract but for several
 * processes at once, in the plainest way there is: every method looks at every entry, and the file only grows.
 *
 * To make it a store of your own: replace `journal.ts` by transactions of your database, `state.ts` by its tables, and
 * the loops in the other files by queries that an index answers. `test/` tells whether it still keeps the contract.
 */
export function larder(path: string, options: LarderOptions = {}): Store {
  const limits = resolveLarderOptions(path, options);
  const watchers = new Set<{ readonly wake: () => void }>();
  let opened: Promise<{ readonly state: State; readonly journal: Journal }> | undefined;
  let closed: Promise<void> | undefined;
  /** One change after the other, in the order of the file. */
  let last: Promise<unknown> = Promise.resolve();

  async function open(): Promise<{ readonly state: State; readonly journal: Journal }> {
    const journal = await openJournal(path);
    const state = emptyState(limits);
    for (const line of journal.lines) tryOut(() => apply(state, operationOf(line)));
    return { state, journal };
  }

  function inTurn<T>(task: (state: State, journal: Journal) => T | Promise<T>): Promise<T> {
    if (closed !== undefined) return Promise.reject(new Refusal("4.3.0", "the store is closed"));
    const turn = last.then(async () => {
      const { state, journal } = await (opened ??= open());
      return task(state, journal);
    });
    last = turn.catch(() => undefined);
    return turn;
  }

  /** Written down first, done second: what was done is on disk, and what is on disk is done when it is opened again. */
  function write<T>(operation: Operation, run: (state: State) => T): Promise<T> {
    return inTurn(async (state, journal) => {
      await journal.append([JSON.stringify(operation)]);
      const answer = run(state);
      if (operation.verb !== "claim") for (const { wake } of watchers) wake();
      return answer;
    });
  }

  async function close(): Promise<void> {
    await last;
    watchers.clear();
    await (await opened)?.journal[Symbol.asyncDispose]();
  }

  return {
    name: `larder:${path}`,
    async add(entries, content) {
      entries.forEach(checkEntry);
      const bytes = await read(content, limits.maxBytes);
      const text = Buffer.from(bytes).toString("base64");
      return write({ verb: "add", entries, bytes: text }, (state) => add(state, entries, bytes));
    },
    async claim({ lanes = new Map(), ...request }) {
      checkTimes({ now: request.now, ttl: request.ttl, aged: request.aged, late: request.late });
      const written = { ...request, perLane: Math.min(request.perLane, Number.MAX_SAFE_INTEGER) };
      return write({ verb: "claim", request: written, lanes: [...lanes] }, (state) => claim(state, { ...written, lanes }));
    },
    read: ({ entry, token }) => ({ open: () => bytesFor(() => inTurn((state) => holder(state, entry.key, token)?.blob.bytes)) }),
    async renew(leases, until) {
      checkTimes({ until });
      const named = leases.map(({ entry, token }) => [entry.key, token] as const);
      return write({ verb: "renew", leases: named, until }, (state) => renew(state, named, until));
    },
    async settle({ entry: { key }, token }: Lease, next) {
      if (next !== null) checkEntry(next);
      return write({ verb: "settle", key, token, next }, (state) => settle(state, key, token, next));
    },
    async park(lane, until) {
      checkTimes({ until });
      return write({ verb: "park", lane, until }, (state) => park(state, lane, until));
    },
    async change(selection, what, now) {
      checkTimes({ now });
      if (Object.values(selection).every((part) => part === undefined)) throw new Refusal("4.3.0", "nothing is selected");
      return write({ verb: "change", selection, what, now }, (state) => change(state, selection, what, now));
    },
    nextDue: () => inTurn(nextDue),
    watch(wake) {
      const watcher = { wake };
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    stats: (now) => inTurn((state) => stats(state, now)),
    list: (request = {}) => inTurn((state) => list(state, request)),
    get: (key) => inTurn((state) => list(state, { key })[0]),
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}

/** Does again what was done before the file was opened. */
function apply(state: State, operation: Operation): void {
  if (operation.verb === "add") add(state, operation.entries, Buffer.from(operation.bytes, "base64"));
  else if (operation.verb === "claim") claim(state, { ...operation.request, lanes: new Map(operation.lanes) });
  else if (operation.verb === "renew") renew(state, operation.leases, operation.until);
  else if (operation.verb === "settle") settle(state, operation.key, operation.token, operation.next);
  else if (operation.verb === "park") park(state, operation.lane, operation.until);
  else change(state, operation.selection, operation.what, operation.now);
}

/** What was refused then is refused now. */
function tryOut(task: () => void): void {
  try {
    task();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

function operationOf(line: string): Operation {
  const parsed: unknown = JSON.parse(line);
  if (isOperation(parsed)) return parsed;
  throw new Refusal("4.3.0", `the file holds a line that is no operation: ${line.slice(0, 80)}`);
}

function isOperation(value: unknown): value is Operation {
  return typeof value === "object" && value !== null && "verb" in value;
}

function renew(state: State, leases: readonly (readonly [string, string])[], until: number): readonly boolean[] {
  return leases.map(([key, token]) => {
    const lease = holder(state, key, token)?.lease;
    if (lease !== undefined) lease.until = until;
    return lease !== undefined;
  });
}

function park(state: State, lane: string, until: number): void {
  if (until === 0) state.parked.delete(lane);
  else state.parked.set(lane, { until, isProbing: false });
}

async function read(content: Content, limit: number): Promise<Uint8Array> {
  try {
    const bytes = new Uint8Array(await readAll(content, limit));
    if (content.size === undefined || content.size === bytes.byteLength) return bytes;
    throw new Error(`it has ${bytes.byteLength} bytes, and said ${content.size}`);
  } catch (cause) {
    if (cause instanceof RangeError) throw new Refusal("4.3.1", `it keeps ${limit} bytes at most`, { cause });
    throw new Refusal("4.3.0", "the content cannot be read", { cause });
  }
}

async function* bytesFor(find: () => Promise<Uint8Array | undefined>): AsyncGenerator<Uint8Array> {
  const bytes = await find();
  if (bytes === undefined) throw new Refusal("4.3.0", "the lease was lost");
  yield* contentOf(bytes).open();
}

function checkEntry({ createdAt, dueAt, agesFrom, expiresAt }: Entry): void {
  checkTimes({ createdAt, dueAt, agesFrom, expiresAt });
}

function checkTimes(times: Readonly<Record<string, number | undefined>>): void {
  for (const [name, time] of Object.entries(times)) {
    if (time !== undefined && !Number.isFinite(time)) throw new Refusal("4.3.0", `${name} is no time: ${time}`);
  }
}
