import type { Rule, Rules } from "@postroad/core";
import { ConfigError, MAX_TIMER, checkOptions, isDuration, isFunction, isInteger, isObject, isOneOf } from "@postroad/core";
import type { BreakerState } from "./circuit.ts";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import type { Bounds } from "./destination.ts";
import type { Lane } from "./lane.ts";
import { byDomain } from "./lane.ts";
import type { Bucket, ThrottleStore } from "./store.ts";
import { memoryStore } from "./store.ts";

/** Options with their defaults filled in; those without one may be undefined. */
type Resolved<T, Optional extends keyof T = never> = Required<Omit<T, Optional>> & { readonly [K in Optional]-?: T[K] | undefined };

export interface TimeoutOptions {
  /**
   * Milliseconds that a stopped send has to settle. As long as RFC 5321 §4.5.3.2.6 has a client wait for the answer to
   * the final dot, which must be waited for. @default 600_000
   */
  readonly grace?: number;
  /** @default the system's monotonic clock */
  readonly clock?: Clock;
}

const timeoutRules: Rules<TimeoutOptions> = { grace: isDuration, clock: isObject };

export function resolveTimeout(milliseconds: number, options: TimeoutOptions): Resolved<TimeoutOptions> {
  const message = isDuration(milliseconds);
  if (message !== undefined) throw new ConfigError("timeout", [{ path: "milliseconds", message }]);
  checkOptions("timeout", options, timeoutRules);
  return { grace: options.grace ?? 600_000, clock: options.clock ?? systemClock };
}

export interface LimitOptions {
  /** Sends at once, in each lane. */
  readonly concurrency: number;
  /** Sends that may wait, in all lanes together; any further one is deferred 4.3.0. @default 1000 */
  readonly waiting?: number;
  /** What is limited by itself. @default everything together */
  readonly lane?: Lane;
}

const isWaiting: Rule = isInteger(0, 1_000_000);
const limitRules: Rules<LimitOptions> = { concurrency: isInteger(1), waiting: isWaiting, lane: isFunction };

export function resolveLimit(options: LimitOptions): Resolved<LimitOptions, "lane"> {
  checkOptions("limit", options, limitRules, ["concurrency"]);
  return { concurrency: options.concurrency, waiting: options.waiting ?? 1000, lane: options.lane };
}

export interface ThrottleOptions {
  /** Sends in `per` milliseconds, in each lane. */
  readonly rate: number;
  /** Milliseconds. @default 1000 */
  readonly per?: number;
  /** Sends that may follow each other at once after a pause. @default what 100 ms bring, at least 1 */
  readonly burst?: number;
  /** What is counted: mails, or the recipients in their envelopes. @default "mails" */
  readonly count?: "mails" | "recipients";
  /** Sends that may wait, in all lanes together; any further one is deferred 4.3.0. @default 1000 */
  readonly waiting?: number;
  /** What has a rate of its own. @default everything together */
  readonly lane?: Lane;
  /** Where the counts are kept. @default in memory, for this process */
  readonly store?: ThrottleStore;
  /**
   * Milliseconds for which the answer of the store is waited for; then those who wait are deferred 4.3.0, with this
   * time as their `retryAfter`. @default 5_000
   */
  readonly storeTimeout?: number;
  /** @default the system's monotonic clock */
  readonly clock?: Clock;
}

const throttleRules: Rules<ThrottleOptions> = {
  rate: isInteger(1),
  per: isDuration,
  burst: isInteger(1),
  count: isOneOf("mails", "recipients"),
  waiting: isWaiting,
  lane: isFunction,
  store: isObject,
  storeTimeout: isDuration,
  clock: isObject,
};

type ResolvedThrottle = Resolved<Omit<ThrottleOptions, keyof Bucket>, "lane"> & { readonly bucket: Bucket };

export function resolveThrottle(options: ThrottleOptions): ResolvedThrottle {
  checkOptions("throttle", options, throttleRules, ["rate"]);
  const { rate, per = 1000, count = "mails", waiting = 1000, lane, storeTimeout = 5000, clock = systemClock } = options;
  const burst = options.burst ?? Math.max(1, Math.floor((rate * 100) / per));
  const store = options.store ?? memoryStore(clock);
  return { bucket: { rate, per, burst }, count, waiting, lane, store, storeTimeout, clock };
}

export interface BreakerOptions {
  /** Failures in a row that open it. @default 5 */
  readonly failures?: number;
  /** Milliseconds for which it holds everything back before it lets someone try. @default 30_000 */
  readonly openFor?: number;
  /** Sends at once that may try while nobody knows whether it works again. @default 1 */
  readonly halfOpen?: number;
  /** What fails by itself: `byDomain` in front of a transport that looks up its hosts. @default everything together */
  readonly lane?: Lane;
  /** Told of every change, e.g. to log it. */
  readonly onChange?: (change: { readonly lane: string; readonly state: BreakerState }) => void;
  /** @default the system's monotonic clock */
  readonly clock?: Clock;
}

const breakerRules: Rules<BreakerOptions> = {
  failures: isInteger(1),
  openFor: isInteger(1, MAX_TIMER),
  halfOpen: isInteger(1),
  lane: isFunction,
  onChange: isFunction,
  clock: isObject,
};

export function resolveBreaker(options: BreakerOptions): Resolved<BreakerOptions, "lane" | "onChange"> {
  checkOptions("breaker", options, breakerRules);
  const { failures = 5, openFor = 30_000, halfOpen = 1, lane, onChange, clock = systemClock } = options;
  return { failures, openFor, halfOpen, lane, onChange, clock };
}

export interface AdaptiveOptions {
  /** What a destination is. @default byDomain */
  readonly lane?: Lane;
  /** Fewest sends at once to one destination. @default 1 */
  readonly min?: number;
  /** Most sends at once to one destination. @default 20 */
  readonly max?: number;
  /** Sends at once to a destination not seen before. @default 5, within `min` and `max` */
  readonly initial?: number;
  /** Sends that may wait, in all lanes together; any further one is deferred 4.3.0. @default 1000 */
  readonly waiting?: number;
  /** Told of every change, e.g. to log it. */
  readonly onChange?: (change: { readonly lane: string; readonly concurrency: number }) => void;
}

const adaptiveRules: Rules<AdaptiveOptions> = {
  lane: isFunction,
  min: isInteger(1),
  max: isInteger(1),
  initial: isInteger(1),
  waiting: isWaiting,
  onChange: isFunction,
};

export function resolveAdaptive(options: AdaptiveOptions): Resolved<AdaptiveOptions, "onChange"> & Bounds {
  checkOptions("adaptive", options, adaptiveRules);
  const { lane = byDomain, min = 1, max = Math.max(20, min), waiting = 1000, onChange } = options;
  const initial = options.initial ?? Math.min(max, Math.max(min, 5));
  const message = `must be in order: min ${min}, initial ${initial}, max ${max}`;
  if (min > initial || initial > max) throw new ConfigError("adaptive", [{ path: "initial", message }]);
  return { lane, min, max, initial, waiting, onChange };
}
