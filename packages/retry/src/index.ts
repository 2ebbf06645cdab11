export type { Retry, RetryOptions } from "./options.ts";
export { GREYLISTING } from "./options.ts";
export { retry } from "./retry.ts";
export type { BackoffOptions, Schedule } from "@postroad/core";
export { backoff } from "@postroad/core";
