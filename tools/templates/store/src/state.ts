import type { Entry } from "@postroad/queue";
import type { LarderOptions } from "./options.ts";

/** Bytes, and how many entries still need them. */
export interface Blob {
  readonly bytes: Uint8Array;
  users: number;
}

export interface Kept {
  entry: Entry;
  readonly blob: Blob;
  /** What was due stays due, wherever the clock goes. */
  isDue: boolean;
  isSuperseded: boolean;
  lease: { readonly token: string; until: number } | undefined;
}

export interface Parked {
  until: number;
  /** Its time is up: one entry at a time. */
  isProbing: boolean;
}

/** Everything the store knows. To be replaced by the tables of your database. */
export interface State {
  readonly limits: Required<LarderOptions>;
  readonly entries: Map<string, Kept>;
  /** Keys of what is finished, and until when they are remembered. */
  readonly finished: Map<string, number>;
  readonly parked: Map<string, Parked>;
  /** By priority and lane: when it had its last turn, and whether what was tried is next. */
  readonly turns: Map<string, { at: number; triedNext: boolean }>;
  /** The last claim's time. */
  last: number | undefined;
  /** Counts turns and tokens. */
  count: number;
}

export function emptyState(limits: Required<LarderOptions>): State {
  return {
    limits,
    entries: new Map(),
    finished: new Map(),
    parked: new Map(),
    turns: new Map(),
    last: undefined,
    count: 0,
  };
}

/** Ends an entry, and remembers its key for a while. */
export function finish({ entries, finished, limits, last }: State, kept: Kept): void {
  entries.delete(kept.entry.key);
  kept.blob.users -= 1;
  finished.set(kept.entry.key, (last ?? kept.entry.createdAt) + limits.remember);
}

/** Bytes of the contents that are kept, each counted once. */
export function bytesOf({ entries }: State): number {
  const blobs = new Set([...entries.values()].map(({ blob }) => blob));
  return [...blobs].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
}
