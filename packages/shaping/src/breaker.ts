import type { Middleware, Receipt } from "@postroad/core";
import { Refusal, isAnswer, isConnectionFailure, wrap } from "@postroad/core";
import type { Result } from "./circuit.ts";
import { circuit } from "./circuit.ts";
import { perLane } from "./lane.ts";
import { notify } from "./notify.ts";
import type { BreakerOptions } from "./options.ts";
import { resolveBreaker } from "./options.ts";
import { recent } from "./recent.ts";

/**
 * Stops sending to where `failures` sends in a row found no way, and lets a few try again every `openFor` milliseconds.
 * Only a failure of the connection counts, for everybody in the mail: no recipient's refusal ever opens it. What was
 * refused on this side, and never got there, counts neither as failure nor as success. What it holds back is deferred with the status of the last failure and a `retryAfter`, and is not uncertain.
 */
export function breaker(options: BreakerOptions = {}): Middleware {
  const { lane, onChange, clock, ...times } = resolveBreaker(options);
  return (next) => {
    const circuits = recent((key) =>
      circuit(times, clock, (state) => notify("onChange", onChange, { lane: key, state })),
    );

    return wrap(
      "breaker",
      next,
      perLane("breaker", lane, async (mail, sending, key) => {
        const current = circuits.of(key);
        const attempt = current.enter();
        let result: Result = "unknown";
        try {
          const report = await next.send(mail, sending);
          if (sending.signal?.aborted !== true) result = resultOf(report);
          return report;
        } finally {
          attempt.settle(result);
          if (current.isSound) circuits.forget(key);
        }
      }),
      {
        async check() {
          const blocked = lane === undefined ? circuits.of("").blocked : undefined;
          if (blocked instanceof Refusal) throw blocked;
        },
      },
    );
  };
}

/** The failure that all its recipients share, else a success where the other side was heard, in one outcome at least. */
function resultOf({ outcomes }: Receipt): Result {
  const [first] = outcomes;
  if (first?.kind === "deferred" && outcomes.every(isConnectionFailure)) return first;
  return outcomes.some(isAnswer) ? "success" : "unknown";
}
