import type { Dialogue } from "./dialogue.ts";
import type { Awaited } from "./wire.ts";

/** Waits for more of a message of which so many octets have come. */
export type Pace = (octets: number) => Promise<Awaited>;

/**
 * A message may let us wait `timeouts.data` milliseconds in all, and as long as its octets take at `timeouts.rate`:
 * a byte every ten seconds holds no connection for long. The time we take ourselves does not count.
 */
export function pace({ wire, services }: Dialogue): Pace {
  const { timeouts } = services.settings;
  let waited = 0;
  return async (octets) => {
    const patience = timeouts.data + (octets * 1000) / timeouts.rate - waited;
    if (patience <= 0) return "timeout";
    const since = performance.now();
    const how = await wire.more(patience);
    waited += performance.now() - since;
    return how;
  };
}
