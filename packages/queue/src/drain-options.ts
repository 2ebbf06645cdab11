import type { Rule, Rules, Schedule, Transport } from "@postroad/core";
import { ConfigError, backoff, checkOptions, isDuration, isFunction, isInteger, isObject, isOneOf } from "@postroad/core";
import { hostname } from "node:os";
import type { Clock } from "./clock.ts";
import { anchoredClock } from "./clock.ts";
import type { QueueEvent, SettledEvent } from "./events.ts";

/** Bounds of the deliveries at once that a lane finds out for itself; at most `perLane`. */
export interface AdaptiveBounds {
  /** @default 1 */
  readonly min?: number;
  /** For a lane that nothing is known of. @default 5, or `perLane` where that is less */
  readonly initial?: number;
}

export interface DrainOptions {
  /** When to try again: after so many attempts, and so many milliseconds since the mail was to go out. @default backoff(): from a minute to four hours, with jitter, for five days */
  readonly schedule?: Schedule;
  /**
   * Where reports to senders go, e.g. `queue(store)`; it is the worker's from then on. Without it what fails is kept as
   * a dead letter; with `false` only `onSettled` and events tell.
   */
  readonly bounce?: Transport | false;
  /** Host name that reports are written in the name of (RFC 3464 §2.2.2). @default that of this machine */
  readonly reportingMta?: string;
  /** Milliseconds after which the sender is told, once, that the mail is late; false for never. @default 14_400_000, four hours */
  readonly delayAfter?: number | false;
  /** Deliveries at once. @default 100 */
  readonly concurrency?: number;
  /**
   * Deliveries of `concurrency` that only mail with a priority above 0 gets, so that it does not wait where all others are
   * slow. @default one in ten, at least one; none where `concurrency` is 1
   */
  readonly reserve?: number;
  /** Deliveries at once in one lane, those of all workers of the store together. @default 20 */
  readonly perLane?: number;
  /** Each lane finds out how many at once its destination takes: one more per round of answers, a cut at 421, 4.7.x and lost connections. @default true */
  readonly adaptive?: boolean | AdaptiveBounds;
  /** Milliseconds for which a delivery is this worker's alone. It is renewed while the worker lives; a mail whose worker died is tried again after it. @default 60_000 */
  readonly ttl?: number;
  /** Milliseconds after which a mail is given up: 5.4.7, and a report. @default 432_000_000, five days */
  readonly maxAge?: number;
  /** Workers that may die with a mail before it is kept as a dead letter. At least 3: only from 2 on it is delivered alone. @default 5 */
  readonly lapses?: number;
  /** What to do for a recipient who may have the mail already: try the same peer again, or keep it as a dead letter. @default "retry" */
  readonly uncertain?: "retry" | "stop";
  /** Milliseconds that a delivery may take; then its signal aborts. @default 1_800_000, half an hour */
  readonly deadline?: number;
  /** Milliseconds that a delivery has to settle once its signal has aborted; then it counts as uncertain. @default 30_000 */
  readonly grace?: number;
  /** Milliseconds after which the store is asked anew, whatever it said: what other processes do is noticed by then. Half an hour at most. @default 60_000 */
  readonly poll?: number;
  /** @default set by the wall clock now, running on the monotonic one */
  readonly clock?: Clock;
  /** Gives numbers from 0 to 1, for jitter. @default Math.random */
  readonly random?: () => number;
  /** Told of the last word on recipients, once it is written down. It is not waited for; what it throws becomes a warning. */
  readonly onSettled?: (event: SettledEvent) => void | Promise<void>;
  /** Told of everything. It is not waited for; what it throws becomes a warning. */
  readonly onEvent?: (event: QueueEvent) => void | Promise<void>;
  /** Stops the worker when it aborts, as `stop()` does. */
  readonly signal?: AbortSignal;
}

const HOST_NAME = /^(?=.{1,255}$)[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*$/i;

const isHostName: Rule = (value) =>
  typeof value === "string" && HOST_NAME.test(value) ? undefined : "must be a host name in ASCII, such as mail.example.org";
const isCount: Rule = isInteger(1, 100_000);

const rules: Rules<DrainOptions> = {
  schedule: isFunction,
  bounce: (value) => (value === false ? undefined : isObject(value)),
  reportingMta: isHostName,
  delayAfter: (value) => (value === false ? undefined : isDuration(value)),
  concurrency: isCount,
  reserve: isInteger(0, 99_999),
  perLane: isCount,
  adaptive: (value) => (typeof value === "boolean" ? undefined : isObject(value)),
  ttl: isInteger(1000, 86_400_000),
  maxAge: isDuration,
  lapses: isInteger(3),
  uncertain: isOneOf("retry", "stop"),
  deadline: isDuration,
  grace: isDuration,
  poll: isDuration,
  clock: isObject,
  random: isFunction,
  onSettled: isFunction,
  onEvent: isFunction,
  signal: isObject,
};

type Optional = "onSettled" | "onEvent" | "signal" | "bounce";

export interface Policy extends Required<Omit<DrainOptions, Optional | "adaptive">> {
  /** Undefined: dead letters. */
  readonly bounce: Transport | false | undefined;
  readonly window: { readonly min: number; readonly max: number; readonly initial: number };
  readonly onSettled: DrainOptions["onSettled"];
  readonly onEvent: DrainOptions["onEvent"];
}

/** Fills in the defaults. Throws a ConfigError that names every wrong option. */
export function resolveDrainOptions(options: DrainOptions): Policy {
  checkOptions("drain", options, rules);
  const { random = Math.random, perLane = 20, concurrency = 100 } = options;
  return {
    schedule: options.schedule ?? backoff({ random }),
    bounce: options.bounce,
    reportingMta: options.reportingMta ?? ownHostName(),
    delayAfter: options.delayAfter ?? 14_400_000,
    concurrency,
    reserve: reserveOf(concurrency, options.reserve),
    perLane,
    window: windowOf(options.adaptive ?? true, perLane),
    ttl: options.ttl ?? 60_000,
    maxAge: options.maxAge ?? 432_000_000,
    lapses: options.lapses ?? 5,
    uncertain: options.uncertain ?? "retry",
    deadline: options.deadline ?? 1_800_000,
    grace: options.grace ?? 30_000,
    poll: options.poll ?? 60_000,
    clock: options.clock ?? anchoredClock(),
    random,
    onSettled: options.onSettled,
    onEvent: options.onEvent,
  };
}

function reserveOf(concurrency: number, reserve?: number): number {
  if (reserve === undefined) return concurrency === 1 ? 0 : Math.max(1, Math.floor(concurrency / 10));
  if (reserve < concurrency) return reserve;
  throw new ConfigError("drain", [{ path: "reserve", message: `must be less than concurrency, ${concurrency}, not ${reserve}` }]);
}

function windowOf(adaptive: boolean | AdaptiveBounds, perLane: number): Policy["window"] {
  if (adaptive === false) return { min: perLane, max: perLane, initial: perLane };
  const bounds: AdaptiveBounds = adaptive === true ? {} : adaptive;
  checkOptions("drain", bounds, { min: isCount, initial: isCount });
  const { min = 1, initial = Math.min(perLane, Math.max(5, min)) } = bounds;
  if (min <= initial && initial <= perLane) return { min, max: perLane, initial };
  const message = `must be in order: min ${min}, initial ${initial}, perLane ${perLane}`;
  throw new ConfigError("drain", [{ path: "adaptive", message }]);
}

/** A machine may have a name that is none by the rules of DNS. */
function ownHostName(): string {
  const name = hostname();
  return HOST_NAME.test(name) ? name : "localhost";
}
