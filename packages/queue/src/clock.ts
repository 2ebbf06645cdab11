import { MAX_TIMER } from "@postroad/core";

/** Time, as a worker sees it. Tests give their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs `task` once, after so many milliseconds or, past 2^31-1, after those. Calling what it gives calls it off. */
  after(milliseconds: number, task: () => void): () => void;
}

/**
 * Set by the wall clock now and running on a monotonic one from then on: stepping the wall clock does nothing to it.
 */
export function anchoredClock(): Clock {
  const start = Date.now() - performance.now();
  return {
    now: () => Math.round(start + performance.now()),
    after(milliseconds, task) {
      const timer = setTimeout(task, Math.min(Math.max(1, Math.ceil(milliseconds)), MAX_TIMER));
      return () => clearTimeout(timer);
    },
  };
}
