import type { Deferred } from "@postroad/core";
import { Refusal } from "@postroad/core";
import type { Clock } from "./clock.ts";

/** `closed` lets everything through, `open` nothing, `half-open` a few to see whether it works again. */
export type BreakerState = "closed" | "open" | "half-open";

/** What came of an attempt: a failure of the way, an answer from its other end, or nobody knows. */
export type Result = Deferred | "success" | "unknown";

export interface Circuit {
  /** Throws a Refusal where it is open. */
  enter(): { settle(result: Result): void };
  /** The Refusal of whoever would enter now, if any. */
  readonly blocked: Refusal | undefined;
  /** Closed, with no failure to remember and nobody inside. */
  readonly isSound: boolean;
  /** Nobody is inside. */
  readonly isIdle: boolean;
}

interface Times {
  readonly failures: number;
  readonly openFor: number;
  readonly halfOpen: number;
}

export function circuit(times: Times, clock: Clock, onChange: (state: BreakerState) => void): Circuit {
  let state: BreakerState = "closed";
  let failed = 0;
  let last: Deferred | undefined;
  let until = 0;
  let probes = 0;
  let inside = 0;
  // What settles after the state has changed was begun under another one, and says nothing about this.
  let epoch = 0;

  function change(to: BreakerState): void {
    state = to;
    epoch += 1;
    probes = 0;
    failed = 0;
    if (to === "open") until = clock.now() + times.openFor;
    onChange(to);
  }

  function blocked(): Refusal | undefined {
    const wait = state === "open" ? until - clock.now() : 0;
    const full = state === "half-open" && probes >= times.halfOpen;
    if (last === undefined || (wait <= 0 && !full)) return undefined;
    const retryAfter = Math.max(1, Math.ceil(full ? times.openFor : wait));
    return new Refusal(last.status, `held back, as the last attempts failed: ${last.message}`, { retryAfter });
  }

  function settle(result: Result, begun: number): void {
    inside -= 1;
    if (begun !== epoch) return;
    if (result === "unknown") probes -= state === "half-open" ? 1 : 0;
    else if (result === "success") succeed();
    else fail(result);
  }

  function succeed(): void {
    failed = 0;
    if (state === "half-open") change("closed");
  }

  function fail(failure: Deferred): void {
    last = failure;
    failed += 1;
    if (state === "half-open" || failed >= times.failures) change("open");
  }

  return {
    enter() {
      const refusal = blocked();
      if (refusal !== undefined) throw refusal;
      if (state === "open") change("half-open");
      if (state === "half-open") probes += 1;
      inside += 1;
      const begun = epoch;
      return { settle: (result) => settle(result, begun) };
    },
    get blocked() {
      return blocked();
    },
    get isIdle() {
      return inside === 0;
    },
    get isSound() {
      return state === "closed" && failed === 0 && inside === 0;
    },
  };
}
