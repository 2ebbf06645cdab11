import type { Entry } from "../store.ts";

/** Bytes, and how many entries still need them. */
export interface Blob {
  readonly bytes: Uint8Array;
  users: number;
}

/** An entry as the memory store keeps it. */
export interface Kept {
  entry: Entry;
  readonly blob: Blob;
  /** Counts its changes of place: a ticket with an older number is void. */
  place: number;
  /** `wasDue` where it was given because it was due, and not because somebody had to look at it. */
  lease: { readonly token: string; readonly wasDue: boolean; until: number } | undefined;
  isSuperseded: boolean;
  isGone: boolean;
}

/** Leases that run out before an entry may be what its workers died of. */
const SUSPECT = 2;
/** The level of suspects, below every priority: only who asks for one gets it. */
export const SUSPECTS = -10;

export function isSuspect({ lapses }: Entry): boolean {
  return lapses >= SUSPECT;
}

export function levelOf(entry: Entry): number {
  return isSuspect(entry) ? SUSPECTS : entry.priority;
}

/** A reference from a place where an entry waits. It is void once the entry is somewhere else. */
export interface Ticket {
  readonly kept: Kept;
  readonly place: number;
}

export function isValid({ kept, place }: Ticket): boolean {
  return kept.place === place;
}
