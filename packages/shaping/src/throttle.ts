import type { Mail, Middleware, SendOptions } from "@postroad/core";
import { Refusal, wrap } from "@postroad/core";
import { sleep } from "./clock.ts";
import { perLane } from "./lane.ts";
import type { ThrottleOptions } from "./options.ts";
import { resolveThrottle } from "./options.ts";
import type { Semaphore } from "./semaphore.ts";
import { semaphore, waitingRoom } from "./semaphore.ts";

/**
 * No more than `rate` sends in `per` milliseconds, after a first `burst`; the others wait, first come first served. One
 * that aborts steps out of the line and costs nothing, and one that finds the line full is deferred 4.3.1. With a
 * `store` that several processes share, they share the rate.
 */
export function throttle(options: ThrottleOptions): Middleware {
  const { bucket, count, waiting, lane, store, clock } = resolveThrottle(options);

  async function ask(key: string, tokens: number): Promise<number> {
    try {
      return await store.take(key, tokens, bucket);
    } catch (cause) {
      throw new Refusal("4.3.0", "the store of throttle cannot be asked", { cause });
    }
  }

  return (next) => {
    const room = waitingRoom("throttle", waiting);
    // The head of each line asks the store; the others wait behind it.
    const heads = new Map<string, Semaphore>();

    async function turn(key: string, tokens: number, { signal }: SendOptions): Promise<void> {
      const head = heads.get(key) ?? semaphore(1, room);
      heads.set(key, head);
      await head.enter(signal);
      try {
        for (let wait = await ask(key, tokens); wait > 0; wait = await ask(key, tokens)) {
          await sleep(clock, wait, signal);
        }
      } finally {
        head.leave();
        if (head.inside === 0) heads.delete(key);
      }
    }

    return wrap(
      "throttle",
      next,
      perLane("throttle", lane, async (mail, sending, key) => {
        await turn(key, count === "recipients" ? recipientsOf(mail) : 1, sending);
        return next.send(mail, sending);
      }),
    );
  };
}

function recipientsOf({ envelope }: Mail): number {
  return envelope.to.length;
}
