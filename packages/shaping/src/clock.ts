import { MAX_TIMER, Refusal } from "@postroad/core";

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

/**
 * For an abort while nothing is sent yet, in the words of the signal's reason where that is a Refusal. One of our own:
 * the reason itself would leave the mail in doubt.
 */
export function reasonOf(signal: AbortSignal | undefined): Refusal {
  const cause: unknown = signal?.reason;
  return cause instanceof Refusal && cause.status.startsWith("4.")
    ? new Refusal(cause.status, cause.message, { ...cause.options, cause })
    : new Refusal("4.3.2", "aborted before it was its turn", { cause });
}
