import type { Dialogue } from "./dialogue.ts";
import type { Timeouts } from "./limits.ts";
import type { Wire } from "./wire.ts";

/**
 * How long a message may let us wait: `timeouts.data` milliseconds in all, and as long as its octets take at `timeouts.rate`. A byte
 * every ten seconds holds no connection for long, in one chunk or in many. The time we take ourselves does not count. A class, since
 * there is one for every mail.
 */
export class Pace {
  readonly #wire: Wire;
  readonly #timeouts: Required<Timeouts>;
  readonly #before: number;
  #octets = 0;

  constructor({ wire, services }: Dialogue) {
    this.#wire = wire;
    this.#timeouts = services.settings.timeouts;
    this.#before = wire.waited;
  }

  /** Milliseconds of it that are left. */
  get left(): number {
    const { data, rate } = this.#timeouts;
    return data + (this.#octets * 1000) / rate - (this.#wire.waited - this.#before);
  }

  /** So many octets have come, whatever they are good for. */
  took(octets: number): void {
    this.#octets += octets;
  }
}
