import type { Middleware, Receipt } from "@postroad/core";
import { isAnswer, isCongestion, wrap } from "@postroad/core";
import type { Destination } from "./destination.ts";
import { destination } from "./destination.ts";
import { perLane } from "./lane.ts";
import { notify } from "./notify.ts";
import type { AdaptiveOptions } from "./options.ts";
import { resolveAdaptive } from "./options.ts";
import { recent } from "./recent.ts";
import { waitingRoom } from "./semaphore.ts";

/**
 * Finds out how many sends at once each destination takes: one more after every round of answers, a cut to 7/10 at the
 * first 421, 4.7.x or lost connection of a round. The others wait, first come first served.
 */
export function adaptive(options: AdaptiveOptions = {}): Middleware {
  const { lane, onChange, waiting, ...bounds } = resolveAdaptive(options);
  return (next) => {
    const room = waitingRoom("adaptive", waiting);
    const known = recent(() => destination(bounds, room));
    return wrap(
      "adaptive",
      next,
      perLane("adaptive", lane, async (mail, sending, key) => {
        const to = known.of(key);
        const attempt = await to.enter(sending.signal);
        try {
          const report = await next.send(mail, sending);
          const before = to.concurrency;
          if (sending.signal?.aborted !== true) judge(report, to, attempt);
          const { concurrency } = to;
          if (concurrency !== before) notify("onChange", onChange, { lane: key, concurrency });
          return report;
        } finally {
          to.leave();
        }
      }),
    );
  };
}

function judge({ outcomes }: Receipt, to: Destination, attempt: number): void {
  if (outcomes.some(isCongestion)) to.cut(attempt);
  else if (outcomes.some(isAnswer)) to.grow();
}
