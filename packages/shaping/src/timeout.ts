import type { Middleware } from "@postroad/core";
import { Refusal, wrap } from "@postroad/core";
import { resolveTimeout } from "./options.ts";
import type { TimeoutOptions } from "./options.ts";

/**
 * Stops a send that takes longer, by its signal, and tells what came of it: a mail that was past its commit point keeps
 * its outcome. It never answers while the work goes on, but for a transport that ignores its signal for all of `grace`:
 * that mail is deferred 4.4.7 and uncertain.
 */
export function timeout(milliseconds: number, options: TimeoutOptions = {}): Middleware {
  const { grace, clock } = resolveTimeout(milliseconds, options);
  return (next) =>
    wrap("timeout", next, async (mail, sending) => {
      const late = new AbortController();
      const signal = sending.signal === undefined ? late.signal : AbortSignal.any([sending.signal, late.signal]);
      const { promise: deafness, reject } = Promise.withResolvers<never>();
      let callOff = clock.after(milliseconds, () => {
        callOff = clock.after(grace, () => reject(deaf(next.name, grace)));
        // The reason is a Refusal: a transport that throws it says what happened, and core that it is in doubt.
        late.abort(new Refusal("4.4.7", `not sent within ${milliseconds} ms`));
      });
      try {
        return await Promise.race([next.send(mail, { ...sending, signal }), deafness]);
      } finally {
        callOff();
      }
    });
}

function deaf(name: string, grace: number): Refusal {
  return new Refusal("4.4.7", `${name} did not settle within ${grace} ms of its abort`, {
    uncertain: true,
    advice: "The transport does not honour its signal: tell its author.",
  });
}
