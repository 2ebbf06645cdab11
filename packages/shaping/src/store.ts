import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";

/** A token bucket: it holds `burst` tokens and gets `rate` new ones every `per` milliseconds. */
export interface Bucket {
  readonly rate: number;
  readonly per: number;
  readonly burst: number;
}

/** Keeps the buckets of `throttle`, one for each lane. */
export interface ThrottleStore {
  /**
   * Takes tokens out of a lane's bucket, all or none, in one atomic step. Gives 0 where it did, else the milliseconds
   * after which to ask again. More tokens than the bucket holds are had when it is full, and leave it in debt.
   */
  take(lane: string, tokens: number, bucket: Bucket): number | Promise<number>;
}

/** Lanes after which the first look for full buckets is due. */
const SWEEP_FROM = 1024;

/**
 * Buckets in memory, for one process. Each is one number, as in the generic cell rate algorithm of ATM: the moment at
 * which it is full again. A full bucket is forgotten.
 */
export function memoryStore(clock: Clock = systemClock): ThrottleStore {
  const fullAt = new Map<string, number>();
  let sweepAt = SWEEP_FROM;

  function sweep(now: number): void {
    for (const [lane, moment] of fullAt) if (moment <= now) fullAt.delete(lane);
    sweepAt = Math.max(SWEEP_FROM, fullAt.size * 2);
  }

  return {
    take(lane, tokens, { rate, per, burst }) {
      const now = clock.now();
      if (fullAt.size >= sweepAt) sweep(now);
      const full = Math.max(fullAt.get(lane) ?? now, now);
      const interval = per / rate;
      const wait = full - now + (Math.min(tokens, burst) - burst) * interval;
      // A wait too short for the clock to tell would have us ask forever.
      if (wait > 0 && now + wait > now) return wait;
      fullAt.set(lane, full + tokens * interval);
      return 0;
    },
  };
}
