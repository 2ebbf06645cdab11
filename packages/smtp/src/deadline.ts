import { MAX_TIMER } from "@postroad/core";

/** One point in time that is moved often and reached seldom. */
export interface Deadline {
  /** In so many milliseconds from now. */
  set(milliseconds: number): void;
  clear(): void;
  /** Clears, and lets go of the timer. */
  end(): void;
}

/**
 * Calls `onReached` when the deadline passes. Replies move it several times a message, so the timer underneath is
 * left alone while the deadline only moves away, and looks again when it fires.
 */
export function deadline(onReached: () => void): Deadline {
  let timer: NodeJS.Timeout | undefined;
  let firesAt = Infinity;
  let due = Infinity;

  function wait(milliseconds: number): void {
    clearTimeout(timer);
    const capped = Math.min(milliseconds, MAX_TIMER);
    firesAt = performance.now() + capped;
    timer = setTimeout(look, capped).unref();
  }

  function look(): void {
    firesAt = Infinity;
    if (due === Infinity) return;
    const left = due - performance.now();
    if (left > 0) return wait(Math.ceil(left));
    due = Infinity;
    onReached();
  }

  return {
    set(milliseconds) {
      due = performance.now() + milliseconds;
      if (due < firesAt) wait(milliseconds);
    },
    clear() {
      due = Infinity;
    },
    end() {
      due = Infinity;
      firesAt = Infinity;
      clearTimeout(timer);
    },
  };
}
