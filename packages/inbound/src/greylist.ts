import { isIPv4 } from "node:net";
import type { Rules } from "@postroad/core";
import { Refusal, checkOptions, isDuration, isFunction, isInteger, isObject } from "@postroad/core";
import type { Policy } from "@postroad/server";

/** Remembers who tried what, and when first: milliseconds since 1970. Several servers may share one. */
export interface GreylistStore {
  get(key: string): Promise<number | undefined>;
  /** Remembers it for so many milliseconds. */
  set(key: string, time: number, keep: number): Promise<void>;
}

export interface GreylistOptions {
  /** Milliseconds after which a second try passes. @default 300_000 */
  readonly delay?: number;
  /** Milliseconds in which the second try has to come. @default 86_400_000 */
  readonly window?: number;
  /** Milliseconds for which who has passed is known, from the last mail on. At most 2^31-1. @default 2_147_483_647, almost 25 days */
  readonly remember?: number;
  /** @default in memory, 100,000 entries */
  readonly store?: GreylistStore;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
}

const rules: Rules<GreylistOptions> = { delay: isDuration, window: isDuration, remember: isDuration, store: isObject, clock: isFunction };

/**
 * Defers a sender that nobody knows, once (RFC 6647): a server tries again, most that send spam do not. Known is a client's network (24 bits of
 * IPv4, 64 of IPv6) with this sender and this recipient; once such a three has passed, the network passes with anything.
 */
export function greylist(options: GreylistOptions = {}): Policy {
  checkOptions("greylist", options, rules);
  const { delay = 300_000, window = 86_400_000, remember = 2_147_483_647, clock = Date.now } = options;
  const { store = memoryGreylist({ clock }) } = options;
  return {
    name: "greylist",
    async recipient({ address }, { session, from }) {
      const now = clock();
      const network = networkOf(session.client);
      if (network === "") return;
      const three = JSON.stringify([network, from.toLowerCase(), address.toLowerCase()]);
      if ((await store.get(network)) === undefined) {
        const first = await store.get(three);
        if (first === undefined) await store.set(three, now, window);
        const left = (first ?? now) + delay - now;
        if (left > 0) throw new Refusal("4.7.1", `you are new here, try again in ${Math.ceil(left / 1000)} seconds`, { retryAfter: left });
      }
      await store.set(network, now, remember);
    },
  };
}

function networkOf(address: string): string {
  if (isIPv4(address)) return address.split(".").slice(0, 3).join(".");
  const [head = "", tail] = address.split("::");
  const before = head.split(":");
  return tail === undefined || before.length >= 4 ? before.slice(0, 4).join(":") : head;
}

/** Forgets what is too old, and the oldest where there are too many. */
export function memoryGreylist(options: { readonly clock?: () => number; readonly entries?: number } = {}): GreylistStore {
  checkOptions("memoryGreylist", options, { clock: isFunction, entries: isInteger(1) });
  const { clock = Date.now, entries = 100_000 } = options;
  const known = new Map<string, { readonly time: number; readonly until: number }>();
  return {
    get(key) {
      const entry = known.get(key);
      if (entry !== undefined && entry.until <= clock()) known.delete(key);
      return Promise.resolve(known.get(key)?.time);
    },
    set(key, time, keep) {
      known.delete(key);
      known.set(key, { time, until: clock() + keep });
      const [oldest] = known.keys();
      if (known.size > entries && oldest !== undefined) known.delete(oldest);
      return Promise.resolve();
    },
  };
}
