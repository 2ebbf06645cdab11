import type { Dialogue } from "./dialogue.ts";
import type { Timeouts } from "./limits.ts";
import type { Awaited, Wire } from "./wire.ts";

/**
 * How long a message may let us wait: `timeouts.data` milliseconds in all, and as long as its octets take at `timeouts.rate`. A byte
 * every ten seconds holds no connection for long, in one chunk or in many. The time we take ourselves does not count. A class, since
 * there is one for every mail.
 */
export class Pace {
  readonly #wire: Wire;
  readonly #timeouts: Required<Timeouts>;
  #octets = 0;
  #waited = 0;

  constructor({ wire, services }: Dialogue) {
    this.#wire = wire;
    this.#timeouts = services.settings.timeouts;
  }

  /** Milliseconds of it that are left. */
  get left(): number {
    const { data, rate } = this.#timeouts;
    return data + (this.#octets * 1000) / rate - this.#waited;
  }

  /** So many octets have come, whatever they are good for. */
  took(octets: number): void {
    this.#octets += octets;
  }

  /** So many milliseconds were waited elsewhere. */
  waited(milliseconds: number): void {
    this.#waited += milliseconds;
  }

  /** Waits for more. */
  async more(): Promise<Awaited> {
    const { left } = this;
    if (left <= 0) return "timeout";
    const since = performance.now();
    const how = await this.#wire.more(left);
    this.#waited += performance.now() - since;
    return how;
  }
}
