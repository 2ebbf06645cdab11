import type { Counts, LaneCounts, QueueStats } from "../store.ts";
import type { Kept } from "./kept.ts";
import type { Pool } from "./pool.ts";

type Sums = { -readonly [K in keyof Counts]: Counts[K] };

const LANES = 100;

/** Everything is counted anew: whoever asks is a person or their monitoring. */
export function statsOf({ entries, lanes }: Pool, now: number, bytes: number): QueueStats {
  const all = nothing();
  const byLane = new Map<string, Sums>();
  for (const kept of entries.values()) {
    const sums = byLane.get(kept.entry.lane) ?? nothing();
    byLane.set(kept.entry.lane, sums);
    count(all, kept, now);
    count(sums, kept, now);
  }
  const fullest = [...byLane].toSorted(([, a], [, b]) => totalOf(b) - totalOf(a)).slice(0, LANES);
  const rows = fullest.map(([lane, sums]): LaneCounts => {
    const parkedUntil = lanes.parkedUntil(lane);
    return { lane, ...sums, ...(parkedUntil !== undefined && { parkedUntil }) };
  });
  return { ...all, bytes, lanes: rows };
}

function nothing(): Sums {
  return { due: 0, waiting: 0, leased: 0, held: 0, dead: 0 };
}

function count(sums: Sums, { entry, lease }: Kept, now: number): void {
  const { state, dueAt, createdAt } = entry;
  if (state !== "ready") {
    sums[state] += 1;
    return;
  }
  sums.oldest = Math.min(sums.oldest ?? createdAt, createdAt);
  if (lease !== undefined && lease.until > now) sums.leased += 1;
  else sums[dueAt <= now ? "due" : "waiting"] += 1;
}

function totalOf({ due, waiting, leased, held, dead }: Counts): number {
  return due + waiting + leased + held + dead;
}
