export * as names from "./names.ts";
export type { ObserveOptions, ObserveQueueOptions, Observation, PoolUse, QueueCounts, QueueUse, RetryCounter } from "./observe.ts";
export { countRetries, observePool, observeQueue } from "./observe.ts";
export type { OtelOptions, Personal } from "./options.ts";
export { otel } from "./otel.ts";
export { extract, inject } from "./trace-context.ts";
