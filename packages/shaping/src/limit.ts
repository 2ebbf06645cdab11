import type { Middleware } from "@postroad/core";
import { wrap } from "@postroad/core";
import { perLane } from "./lane.ts";
import { resolveLimit } from "./options.ts";
import type { LimitOptions } from "./options.ts";
import type { Semaphore } from "./semaphore.ts";
import { semaphore, waitingRoom } from "./semaphore.ts";

/**
 * No more than `concurrency` sends at once; the others wait, first come first served. One that aborts steps out of the
 * line, and one that finds the line full is deferred 4.3.0.
 */
export function limit(options: LimitOptions): Middleware {
  const { concurrency, waiting, lane } = resolveLimit(options);
  return (next) => {
    const room = waitingRoom("limit", waiting);
    const gates = new Map<string, Semaphore>();

    function gateOf(key: string): Semaphore {
      const gate = gates.get(key) ?? semaphore(concurrency, room);
      gates.set(key, gate);
      return gate;
    }

    return wrap(
      "limit",
      next,
      perLane("limit", lane, async (mail, sending, key) => {
        const gate = gateOf(key);
        const turn = gate.enter(sending.signal);
        if (turn !== undefined) await turn;
        try {
          return await next.send(mail, sending);
        } finally {
          gate.leave();
          if (gate.inside === 0) gates.delete(key);
        }
      }),
    );
  };
}
