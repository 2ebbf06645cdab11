import { MAX_TIMER } from "@postroad/core";

/** Time, as the parts of this package see it. Tests give their own. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Runs `task` once, after so many milliseconds or, past 2^31-1, after those. Calling what it gives calls it off. */
  after(milliseconds: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, task) {
    const timer = setTimeout(task, Math.min(Math.ceil(milliseconds), MAX_TIMER));
    return () => clearTimeout(timer);
  },
};

/** Resolves after so many milliseconds, rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const callOff = clock.after(milliseconds, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    const stop = (): void => {
      callOff();
      reject(reasonOf(signal));
    };
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted === true) stop();
  });
}

/** Core takes what is thrown for an abort where it is the signal's own reason. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new DOMException("aborted", "AbortError");
}
