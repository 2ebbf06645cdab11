import type { Rule, Rules } from "@postroad/core";
import { ConfigError, checkOptions, isFunction, isObject, isString } from "@postroad/core";
import type { Meter, Tracer } from "@opentelemetry/api";
import { metrics, trace } from "@opentelemetry/api";
import { SCOPE } from "./names.ts";
import type { PoolUse, QueueUse } from "./observe.ts";

/** What may be personal, and stands in spans only where it is asked for. `replies` are what servers said. */
export type Personal = "sender" | "recipients" | "subject" | "replies";

export interface OtelOptions {
  /** @default that of the global provider */
  readonly tracer?: Tracer;
  /** @default that of the global provider, which has to be registered before */
  readonly meter?: Meter;
  /** Name of the queue behind this: spans are PRODUCER, and the mail takes this span's context along. */
  readonly producer?: string;
  /** Name of the queue that is drained into this: spans are CONSUMER, linked to the one that put the mail in. */
  readonly consumer?: string;
  /** What else to write into spans, by name. @default [] */
  readonly record?: readonly Personal[];
  /** Asked at every collection of metrics: `() => transport.stats()`. */
  readonly pool?: () => PoolUse;
  /** Asked at every collection of metrics: `() => manage(store).stats()`. */
  readonly queue?: () => QueueUse | Promise<QueueUse>;
}

export interface Resolved {
  readonly tracer: Tracer;
  readonly meter: Meter;
  readonly producer: string | undefined;
  readonly consumer: string | undefined;
  readonly record: ReadonlySet<Personal>;
  readonly pool: (() => PoolUse) | undefined;
  readonly queue: (() => QueueUse | Promise<QueueUse>) | undefined;
}

const PERSONAL: ReadonlySet<unknown> = new Set<Personal>(["sender", "recipients", "subject", "replies"]);

const isRecord: Rule = (value) =>
  Array.isArray(value) && value.every((name) => PERSONAL.has(name))
    ? undefined
    : `must be a list of ${[...PERSONAL].join(", ")}`;

const rules: Rules<OtelOptions> = {
  tracer: isObject,
  meter: isObject,
  producer: isString,
  consumer: isString,
  record: isRecord,
  pool: isFunction,
  queue: isFunction,
};

/** Fills in the defaults. Throws a ConfigError that names every wrong option. */
export function resolveOptions(options: OtelOptions): Resolved {
  checkOptions("otel", options, rules);
  const { producer, consumer, record = [], pool, queue } = options;
  if (producer !== undefined && consumer !== undefined) {
    const message = "cannot be given with producer: one otel stands before the queue, another one behind it";
    throw new ConfigError("otel", [{ path: "consumer", message }]);
  }
  const tracer = options.tracer ?? trace.getTracer(SCOPE);
  const meter = options.meter ?? metrics.getMeter(SCOPE);
  return { tracer, meter, producer, consumer, record: new Set(record), pool, queue };
}
