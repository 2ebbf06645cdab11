import type { Mail, Middleware, SendOptions } from "@postroad/core";
import { wrap } from "@postroad/core";
import { sleep } from "./clock.ts";
import { perLane } from "./lane.ts";
import type { ThrottleOptions } from "./options.ts";
import { resolveThrottle } from "./options.ts";
import { StoreSilence, patientAsk } from "./patient-ask.ts";
import type { Semaphore } from "./semaphore.ts";
import { semaphore, waitingRoom } from "./semaphore.ts";

/** Those who wait in one lane, and the last time that the store left them without an answer. */
interface Line {
  readonly head: Semaphore;
  silence: StoreSilence | undefined;
}

/**
 * No more than `rate` sends in `per` milliseconds, after a first `burst`; the others wait, first come first served. One
 * that aborts steps out of the line and costs nothing, and one that finds the line full is deferred 4.3.0. With a
 * `store` that several processes share, they share the rate; where it does not answer, everybody who waits for it by
 * then is deferred 4.3.0.
 */
export function throttle(options: ThrottleOptions): Middleware {
  const { bucket, count, waiting, lane, store, storeTimeout, clock } = resolveThrottle(options);
  const ask = patientAsk(store, bucket, storeTimeout, clock);

  return (next) => {
    const room = waitingRoom("throttle", waiting);
    // The head of each line asks the store; the others wait behind it.
    const lines = new Map<string, Line>();

    async function turn(key: string, tokens: number, { signal }: SendOptions): Promise<void> {
      const line = lines.get(key) ?? { head: semaphore(1, room), silence: undefined };
      lines.set(key, line);
      const before = line.silence;
      await line.head.enter(signal);
      try {
        // Who has waited for as long as the store was silent need not be the next to ask it.
        if (line.silence !== undefined && line.silence !== before) throw line.silence;
        for (let wait = await ask(key, tokens, signal); wait > 0; wait = await ask(key, tokens, signal)) {
          await sleep(clock, wait, signal);
        }
      } catch (error) {
        if (error instanceof StoreSilence) line.silence = error;
        throw error;
      } finally {
        line.head.leave();
        if (line.head.inside === 0) lines.delete(key);
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
