import type { Attributes, BatchObservableCallback, Counter, Meter, Observable } from "@opentelemetry/api";
import { diag, metrics } from "@opentelemetry/api";
import { withoutAddresses } from "./attributes.ts";
import * as names from "./names.ts";
import { quietly } from "./quietly.ts";

/** What `stats()` of an SMTP transport gives. */
export interface PoolUse {
  readonly connections: number;
  readonly idle: number;
  readonly connecting: number;
  /** Mails that wait for a connection. */
  readonly waiting: number;
}

/** Entries of a queue or a lane, by state. */
export interface QueueCounts {
  readonly due: number;
  readonly waiting: number;
  readonly leased: number;
  readonly held: number;
  readonly dead: number;
  /** Milliseconds since 1970 at which the oldest that is neither held nor dead was put in. */
  readonly oldest?: number;
}

/** What `manage(store).stats()` of a queue gives. */
export interface QueueUse extends QueueCounts {
  readonly bytes: number;
  readonly lanes: readonly (QueueCounts & { readonly lane: string })[];
}

export interface ObserveOptions {
  /** @default that of the global provider, which has to be registered before */
  readonly meter?: Meter;
  /** Tells one from another: the name of the transport, or of the queue. @default none */
  readonly name?: string;
}

export interface ObserveQueueOptions extends ObserveOptions {
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/** Asks no more once it is disposed, either way. */
export interface Observation extends Disposable, AsyncDisposable {}

const STATES = ["due", "waiting", "leased", "held", "dead"] as const;

/** The use of a pool at every collection of metrics: `observePool(() => transport.stats())`. */
export function observePool(stats: () => PoolUse, options: ObserveOptions = {}): Observation {
  const meter = meterOf(options);
  const connections = meter.createObservableUpDownCounter(names.POOL_CONNECTIONS, { unit: "{connection}" });
  const waiting = meter.createObservableUpDownCounter(names.POOL_WAITING, { unit: "{mail}" });
  const own = attributesFor(names.TRANSPORT, options);
  return observe(meter, [connections, waiting], (result) => {
    const use = quietly(stats);
    if (use === undefined) return;
    result.observe(connections, use.idle, { ...own, [names.POOL_STATE]: "idle" });
    result.observe(connections, use.connections - use.idle, { ...own, [names.POOL_STATE]: "used" });
    result.observe(connections, use.connecting, { ...own, [names.POOL_STATE]: "connecting" });
    result.observe(waiting, use.waiting, own);
  });
}

/** Depth and age of a queue and its lanes at every collection of metrics: `observeQueue(() => manage(store).stats())`. */
export function observeQueue(stats: () => QueueUse | Promise<QueueUse>, options: ObserveQueueOptions = {}): Observation {
  const meter = meterOf(options);
  const { now = Date.now } = options;
  const depth = meter.createObservableUpDownCounter(names.QUEUE_DEPTH, { unit: "{mail}", description: "Entries by state" });
  const age = meter.createObservableGauge(names.QUEUE_AGE, { unit: "s", description: "How long ago the oldest was put in" });
  const bytes = meter.createObservableUpDownCounter(names.QUEUE_BYTES, { unit: "By", description: "Contents that are kept" });
  const laneDepth = meter.createObservableUpDownCounter(names.LANE_DEPTH, { unit: "{mail}", description: "Entries of the fullest lanes by state" });
  const laneAge = meter.createObservableGauge(names.LANE_AGE, { unit: "s", description: "How long ago the oldest of a lane was put in" });
  const own = attributesFor(names.MESSAGING_DESTINATION, options);

  const ageOf = ({ oldest }: QueueCounts): number => (oldest === undefined ? 0 : Math.max(0, now() - oldest) / 1000);
  return observe(meter, [depth, age, bytes, laneDepth, laneAge], async (result) => {
    try {
      const use = await stats();
      for (const state of STATES) result.observe(depth, use[state], { ...own, [names.QUEUE_STATE]: state });
      result.observe(age, ageOf(use), own);
      result.observe(bytes, use.bytes, own);
      for (const lane of use.lanes) {
        const its = { ...own, [names.LANE]: withoutAddresses(lane.lane) };
        for (const state of STATES) if (lane[state] > 0) result.observe(laneDepth, lane[state], { ...its, [names.QUEUE_STATE]: state });
        result.observe(laneAge, ageOf(lane), its);
      }
    } catch (error) {
      diag.error("@postroad/otel", error);
    }
  });
}

/** Handlers that count recipients who are tried once more. */
export interface RetryCounter {
  /** For `retry(schedule, { onRetry })`. */
  readonly onRetry: (retry: { readonly recipients: readonly unknown[] }) => void;
  /** For `drain(store, to, { onEvent })`: of its events, attempts after the first. */
  readonly onEvent: (event: { readonly kind: string; readonly attempt?: number; readonly outcomes?: readonly unknown[] }) => void;
}

/** Counts retries where they are made; an otel around each attempt, which counts them too, is then one too many. */
export function countRetries(options: ObserveOptions = {}): RetryCounter {
  const counter: Counter = retriesCounter(meterOf(options));
  const own = attributesFor(names.TRANSPORT, options);
  const add = (count: number): unknown => quietly(() => counter.add(count, own));
  return {
    onRetry: ({ recipients }) => void add(recipients.length),
    onEvent: ({ kind, attempt = 1, outcomes = [] }) => void (kind === "attempt" && attempt > 1 && add(outcomes.length)),
  };
}

export function retriesCounter(meter: Meter): Counter {
  return meter.createCounter(names.RETRIES, { unit: "{recipient}", description: "Recipients tried once more" });
}

function observe(meter: Meter, observables: Observable[], callback: BatchObservableCallback): Observation {
  meter.addBatchObservableCallback(callback, observables);
  const stop = (): void => quietly(() => meter.removeBatchObservableCallback(callback, observables));
  return { [Symbol.dispose]: stop, [Symbol.asyncDispose]: async () => stop() };
}

function meterOf({ meter }: ObserveOptions): Meter {
  return meter ?? metrics.getMeter(names.SCOPE);
}

function attributesFor(key: string, { name }: ObserveOptions): Attributes {
  return name === undefined ? {} : { [key]: withoutAddresses(name) };
}
