import { Refusal } from "@postroad/core";
import type { Clock } from "./clock.ts";
import { reasonOf } from "./clock.ts";
import type { Bucket, ThrottleStore } from "./store.ts";

/** The store did not answer in time: nothing was sent, and asking again makes sense a while later. */
export class StoreSilence extends Refusal {
  constructor(milliseconds: number) {
    const message = `the store of throttle did not answer within ${milliseconds} ms`;
    super("4.3.0", message, { retryAfter: milliseconds });
  }
}

type Ask = (lane: string, tokens: number, signal: AbortSignal | undefined) => number | Promise<number>;

/**
 * Asks a store, and waits no longer than `milliseconds` or until the signal aborts. Throws a Refusal where the store
 * fails. Tokens of an answer that comes too late are lost: fewer are sent, never more.
 */
export function patientAsk(store: ThrottleStore, bucket: Bucket, milliseconds: number, clock: Clock): Ask {
  function take(lane: string, tokens: number): number | Promise<number> {
    try {
      const answer = store.take(lane, tokens, bucket);
      return typeof answer === "number" ? answer : answer.catch(failed);
    } catch (cause) {
      return failed(cause);
    }
  }

  async function inTime(answer: Promise<number>, signal: AbortSignal | undefined): Promise<number> {
    const { promise: over, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(reasonOf(signal));
    const callOff = clock.after(milliseconds, () => reject(new StoreSilence(milliseconds)));
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted === true) stop();
    try {
      return await Promise.race([answer, over]);
    } finally {
      callOff();
      signal?.removeEventListener("abort", stop);
    }
  }

  return (lane, tokens, signal) => {
    const answer = take(lane, tokens);
    return typeof answer === "number" ? answer : inTime(answer, signal);
  };
}

function failed(cause: unknown): never {
  throw new Refusal("4.3.0", "the store of throttle cannot be asked", { cause });
}
