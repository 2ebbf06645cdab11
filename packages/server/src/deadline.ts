import { MAX_TIMER } from "@postroad/core";

/** One point in time that is moved with every wait and reached seldom. */
export interface Deadline {
  /** In so many milliseconds from `now`, by the clock of `performance`. */
  set(milliseconds: number, now: number): void;
  /** Lets go of the timer. */
  end(): void;
}

/**
 * Calls `onReached` at the deadline that was set last, unless `isWanted` says no. The timer underneath is left alone while the
 * deadline only moves away: a connection waits several times for each mail.
 */
export function deadline(onReached: () => void, isWanted: () => boolean): Deadline {
  let timer: NodeJS.Timeout | undefined;
  let firesAt = Infinity;
  let reachedAt = Infinity;

  function arm(milliseconds: number): void {
    clearTimeout(timer);
    // Whole numbers: the platform keeps a list for each length there is.
    const wait = Math.ceil(Math.min(Math.max(milliseconds, 1), MAX_TIMER));
    firesAt = performance.now() + wait;
    timer = setTimeout(fire, wait);
  }

  function fire(): void {
    firesAt = Infinity;
    if (!isWanted()) return;
    const left = reachedAt - performance.now();
    if (left > 0) arm(left);
    else onReached();
  }

  return {
    set(milliseconds, now) {
      reachedAt = now + milliseconds;
      if (reachedAt < firesAt) arm(milliseconds);
    },
    end: () => clearTimeout(timer),
  };
}
