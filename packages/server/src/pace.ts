import type { Dialogue } from "./dialogue.ts";
import type { Awaited } from "./wire.ts";

/**
 * How long a message may let us wait: `timeouts.data` milliseconds in all, and as long as its octets take at `timeouts.rate`. A byte
 * every ten seconds holds no connection for long, in one chunk or in many. The time we take ourselves does not count.
 */
export interface Pace {
  /** Milliseconds of it that are left. */
  readonly left: number;
  /** So many octets have come, whatever they are good for. */
  took(octets: number): void;
  /** So many milliseconds were waited elsewhere. */
  waited(milliseconds: number): void;
  /** Waits for more. */
  more(): Promise<Awaited>;
}

export function pace({ wire, services }: Dialogue): Pace {
  const { timeouts } = services.settings;
  let octets = 0;
  let waited = 0;
  const self: Pace = {
    get left() {
      return timeouts.data + (octets * 1000) / timeouts.rate - waited;
    },
    took: (more) => void (octets += more),
    waited: (more) => void (waited += more),
    async more() {
      const { left } = self;
      if (left <= 0) return "timeout";
      const since = performance.now();
      const how = await wire.more(left);
      waited += performance.now() - since;
      return how;
    },
  };
  return self;
}
