import type { Damaged, EntryState, ListRequest, QueueStats, Selection } from "@postroad/queue";

/** An entry as it travels between the threads and lies in its row: what is never searched for is one JSON text. */
export interface Row {
  readonly key: string;
  readonly mail: string;
  readonly lane: string;
  readonly priority: number;
  readonly state: EntryState;
  readonly createdAt: number;
  readonly dueAt: number;
  readonly agesFrom: number;
  readonly expiresAt: number | null;
  readonly series: string | null;
  readonly attempts: number;
  readonly lapses: number;
  readonly note: string | null;
  /** All other fields: envelope, meta, last, … */
  readonly rest: string;
  /** CRC-32 of `key`, `mail` and `rest`; null where somebody mended them by hand, and they are to be taken as they are. */
  readonly crc: number | null;
}

/** A row as it is written: with what searches need to know of `rest`. */
export interface Draft extends Row {
  /** Somebody is still to be delivered to. */
  readonly open: boolean;
  readonly delayed: boolean;
}

/** Where the bytes of a content are: in the database or in a file beside it. */
export type Body = { readonly data: Uint8Array } | { readonly file: string };

/** A content, with what tells whether its bytes are still the same. */
export interface Stored {
  readonly size: number;
  /** CRC-32 of the bytes. */
  readonly crc: number;
  /** Left out where fetching it along would be too much. */
  readonly body?: Body;
}

export interface Leased {
  readonly row: Row;
  readonly token: string;
  /** Its lane was parked. */
  readonly probe: boolean;
  /** Index into the contents that come along. */
  readonly content: number;
}

export interface Named {
  readonly key: string;
  readonly token: string;
}

export type ListedRow = Row & { readonly leased: boolean; readonly size: number };

export type Change = "cancel" | "hold" | "release" | "retry";

/** What the thread is asked, by name. */
export interface Requests {
  readonly add: { readonly rows: readonly Draft[]; readonly size: number; readonly crc: number; readonly body: Body };
  readonly claim: {
    readonly now: number;
    readonly limit: number;
    readonly urgent: number;
    readonly perLane: number;
    readonly lanes: ReadonlyMap<string, number>;
    readonly ttl: number;
    readonly aged: number | null;
    readonly late: number | null;
    readonly suspects: boolean;
  };
  readonly content: Named;
  readonly renew: { readonly leases: readonly Named[]; readonly until: number };
  readonly settle: Named & { readonly next: Draft | null };
  readonly park: { readonly lane: string; readonly until: number };
  readonly nextDue: object;
  readonly stats: { readonly now: number };
  readonly list: ListRequest;
  /** A piece of it: entries with greater keys than `after`. */
  readonly change: { readonly selection: Selection; readonly what: Change; readonly now: number; readonly after: string };
  /** Entries that cannot be read; one that is leased only in the name of its lease. */
  readonly quarantine: { readonly entries: readonly { readonly key: string; readonly token: string; readonly note: string }[] };
}

/** What the thread answers, by name. */
export interface Answers {
  /** The last says which limit is reached; then nothing was added. */
  readonly add: { readonly added: readonly boolean[]; readonly superseded: readonly string[]; readonly full?: string };
  readonly claim: {
    readonly leases: readonly Leased[];
    readonly contents: readonly Stored[];
    /** Not given, but dead from now on. */
    readonly damaged: readonly Damaged[];
  };
  readonly content: Stored | null;
  readonly renew: readonly boolean[];
  readonly settle: boolean;
  readonly park: null;
  readonly nextDue: number | null;
  readonly stats: QueueStats;
  readonly list: readonly ListedRow[];
  /** `last` is the key up to which it came; null where there are no more. */
  readonly change: { readonly changed: number; readonly last: string | null };
  readonly quarantine: null;
}

export type Verb = keyof Requests;

/** One thing to do, as it travels. */
export type Operation = { [V in Verb]: { readonly verb: V; readonly request: Requests[V] } }[Verb];

/** What went wrong, in words that a Refusal can take over. */
export interface Failure {
  readonly status: "4.3.0" | "4.3.1";
  readonly message: string;
  readonly advice?: string;
  /** The platform's name for it. */
  readonly code?: string;
  /** It may have been written all the same. */
  readonly uncertain?: boolean;
}

export type AnswerTo<V extends Verb> = { [P in V]: { readonly verb: P; readonly answer: Answers[P] } }[V];

export type Answer = AnswerTo<Verb> | { readonly verb: "failed"; readonly failure: Failure };

/** What the thread is told once, when it starts. */
export interface Settings {
  readonly path: string;
  readonly folder: string;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly remember: number;
  readonly busyTimeout: number;
}

/** To the thread. */
export type Order =
  | { readonly kind: "batch"; readonly operations: readonly Operation[] }
  /** Look for commits of other processes this often, in milliseconds; 0 ends it. */
  | { readonly kind: "watch"; readonly interval: number }
  | { readonly kind: "close" };

/** From the thread. */
export type Report =
  /** One answer per operation; files that nothing refers to any more. */
  | { readonly kind: "batch"; readonly answers: readonly Answer[]; readonly removed: readonly string[] }
  /** Another process has committed. */
  | { readonly kind: "changed" };
