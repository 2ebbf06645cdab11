import { MAX_TIMER } from "@postroad/core";

/**
 * Gives signals that abort once so many milliseconds have passed, or up to a hundredth of them later: what begins within that time shares
 * one, since a timer and a controller for every mail cost a busy server more than the mail's own reading.
 */
export function patience(milliseconds: number, reason: () => unknown): () => AbortSignal {
  const step = milliseconds / 100;
  let current = new AbortController().signal;
  let until = -Infinity;

  return () => {
    const now = performance.now();
    if (now < until) return current;
    until = now + step;
    const controller = new AbortController();
    // The connections keep the process alive, and not what none of them may wait for any more.
    setTimeout(() => controller.abort(reason()), Math.min(milliseconds + step, MAX_TIMER)).unref();
    current = controller.signal;
    return current;
  };
}
