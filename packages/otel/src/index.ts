export * as names from "./names.ts";
export type { OtelOptions, Personal, PoolUse, QueueUse } from "./options.ts";
export { otel } from "./otel.ts";
export { extract, inject } from "./trace-context.ts";
