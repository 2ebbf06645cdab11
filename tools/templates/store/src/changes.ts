import { Refusal } from "@postroad/core";
import type { Added, Entry, Selection, Store } from "@postroad/queue";
import { aligned } from "./claiming.ts";
import type { Blob, Kept, State } from "./state.ts";
import { bytesOf, finish } from "./state.ts";

export function add(state: State, entries: readonly Entry[], bytes: Uint8Array): Added {
  const fresh = new Map<string, Entry>();
  const added = entries.map((entry) => {
    const isNew = !fresh.has(entry.key) && !state.entries.has(entry.key) && !state.finished.has(entry.key);
    if (isNew) fresh.set(entry.key, entry);
    return isNew;
  });
  if (fresh.size === 0) return { added, superseded: [] };
  const { maxEntries, maxBytes } = state.limits;
  if (state.entries.size + fresh.size > maxEntries) throw new Refusal("4.3.1", `it keeps ${maxEntries} entries at most`);
  if (bytesOf(state) + bytes.byteLength > maxBytes) throw new Refusal("4.3.1", `it keeps ${maxBytes} bytes at most`);
  const superseded = new Set<string>();
  for (const { series, mail } of fresh.values()) {
    if (series !== undefined) for (const key of supersede(state, series, mail)) superseded.add(key);
  }
  const blob: Blob = { bytes, users: fresh.size };
  for (const [key, entry] of fresh) {
    const isDue = entry.dueAt <= entry.createdAt;
    state.entries.set(key, { entry: aligned(state, entry), blob, isDue, isSuperseded: false, lease: undefined });
  }
  return { added, superseded: [...superseded] };
}

/** Older mails of the series give way; those in flight once they are settled. */
function supersede(state: State, series: string, mail: string): readonly string[] {
  const older = [...state.entries.values()].filter(
    ({ entry, isSuperseded }) => entry.series === series && entry.mail !== mail && !isSuperseded,
  );
  for (const kept of older) {
    kept.isSuperseded = true;
    if (kept.lease === undefined) finish(state, kept);
  }
  return older.map(({ entry }) => entry.key);
}

/** Who holds a lease with this token; a database has the token in the condition of the write itself. */
export function holder(state: State, key: string, token: string): Kept | undefined {
  const kept = state.entries.get(key);
  return kept?.lease?.token === token ? kept : undefined;
}

export function settle(state: State, key: string, token: string, next: Entry | null): boolean {
  const kept = holder(state, key, token);
  if (kept === undefined) return false;
  const { dueAt, agesFrom, lane, lapses } = kept.entry;
  kept.lease = undefined;
  if (next === null || kept.isSuperseded) finish(state, kept);
  else {
    kept.isDue = next.dueAt <= (state.last ?? 0) || (kept.isDue && next.dueAt <= dueAt);
    kept.entry = { ...next, key, lane, agesFrom, lapses: Math.min(lapses, next.lapses) };
  }
  return true;
}

export function matching(state: State, { key, mail, lane, state: wanted }: Selection): readonly Kept[] {
  return [...state.entries.values()].filter(
    ({ entry }) =>
      entry.key === (key ?? entry.key) &&
      entry.mail === (mail ?? entry.mail) &&
      entry.lane === (lane ?? entry.lane) &&
      entry.state === (wanted ?? entry.state),
  );
}

type Change = Parameters<Store["change"]>[1];

export function change(state: State, selection: Selection, what: Change, now: number): number {
  const found = matching(state, selection).filter(({ lease }) => lease === undefined || lease.until <= now);
  return found.filter((kept) => changeOne(state, kept, what, now)).length;
}

function changeOne(state: State, kept: Kept, what: Change, now: number): boolean {
  const { entry } = kept;
  if (what === "cancel") {
    finish(state, kept);
    return true;
  }
  const { note: _, ...rest } = entry;
  if (what === "hold" && entry.state === "ready") kept.entry = { ...entry, state: "held" };
  else if (what === "release" && entry.state === "held") kept.entry = { ...rest, state: "ready" };
  else if (what === "retry" && entry.state === "ready") kept.entry = { ...entry, dueAt: now };
  else if (what === "retry" && entry.state === "dead") {
    kept.entry = { ...rest, state: "ready", dueAt: now, agesFrom: now, attempts: 0, lapses: 0 };
  } else return false;
  kept.isDue = kept.entry.dueAt <= now;
  if (what === "retry") state.parked.delete(entry.lane);
  return true;
}
