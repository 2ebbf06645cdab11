import type { Middleware, Transport } from "@postroad/core";
import { compose, receipt, transport, wrap } from "@postroad/core";
import { allowList, dryRun, tap } from "@postroad/middleware";
import { adaptive, breaker, limit, throttle, timeout } from "@postroad/shaping";

/** The least a transport can do. */
function sink(): Transport {
  return transport("sink", (mail) => Promise.resolve(receipt(mail, { kind: "accepted", status: "2.0.0", by: "sink" })));
}

/** The least a middleware can do. */
const passing: Middleware = (next) => wrap("passing", next, (mail, options) => next.send(mail, options));

export const STACKS: Readonly<Record<string, () => Transport>> = {
  none: sink,
  passing: () => compose(passing, passing, passing, passing, passing, passing, passing, passing, sink()),
  working: () =>
    compose(
      tap(() => undefined),
      limit({ concurrency: 100 }),
      throttle({ rate: 1_000_000_000, burst: 1_000_000_000 }),
      breaker(),
      adaptive(),
      timeout(60_000),
      allowList({ allow: ["@example.net"] }),
      dryRun({ when: false }),
      sink(),
    ),
};
