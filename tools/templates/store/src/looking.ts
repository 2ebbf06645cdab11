import type { Counts, LaneCounts, Listed, ListRequest, QueueStats } from "@postroad/queue";
import { matching } from "./changes.ts";
import type { Kept, State } from "./state.ts";
import { bytesOf } from "./state.ts";

export function list(state: State, { after = "", limit = 100, ...selection }: ListRequest): readonly Listed[] {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new RangeError(`limit must be from 1 to 1000`);
  return matching(state, selection)
    .map(({ entry, lease, blob }) => ({ ...entry, leased: lease !== undefined, size: blob.bytes.byteLength }))
    .filter(({ key }) => key > after)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, limit);
}

export function stats(state: State, now: number): QueueStats {
  const byLane = Map.groupBy(state.entries.values(), ({ entry }) => entry.lane);
  const lanes = [...byLane].map(([lane, all]): LaneCounts => {
    const parked = state.parked.get(lane);
    return { lane, ...countsOf(all, now), ...(parked && { parkedUntil: parked.until }) };
  });
  const fullest = lanes.toSorted((a, b) => sizeOf(b) - sizeOf(a)).slice(0, 100);
  return { ...countsOf([...state.entries.values()], now), bytes: bytesOf(state), lanes: fullest };
}

function countsOf(all: readonly Kept[], now: number): Counts {
  const ready = all.filter(({ entry }) => entry.state === "ready");
  const open = ready.filter(({ lease }) => lease === undefined || lease.until <= now);
  const due = open.filter(({ entry, isDue }) => isDue || entry.dueAt <= now).length;
  const oldest = Math.min(...ready.map(({ entry }) => entry.createdAt));
  return {
    due,
    waiting: open.length - due,
    leased: ready.length - open.length,
    held: all.filter(({ entry }) => entry.state === "held").length,
    dead: all.filter(({ entry }) => entry.state === "dead").length,
    ...(ready.length > 0 && { oldest }),
  };
}

function sizeOf({ due, waiting, leased, held, dead }: Counts): number {
  return due + waiting + leased + held + dead;
}

/** When there may be something to claim. */
export function nextDue(state: State): number | undefined {
  const ready = [...state.entries.values()].filter(({ entry }) => entry.state === "ready");
  const times = ready.flatMap(({ entry, isDue, lease }) => {
    if (lease !== undefined) return [lease.until];
    const expires = entry.expiresAt !== undefined && entry.envelope.to.length > 0 ? [entry.expiresAt] : [];
    const parked = state.parked.get(entry.lane);
    const due = isDue ? (state.last ?? entry.dueAt) : entry.dueAt;
    return [...expires, parked === undefined || parked.isProbing ? due : Math.max(due, parked.until)];
  });
  return times.length === 0 ? undefined : Math.min(...times);
}
