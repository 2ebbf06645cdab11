export type { Call } from "./trace/calls.ts";
export { STRACE, callsOf } from "./trace/calls.ts";
export type { SyncedOrder } from "./trace/order.ts";
export { unsynced } from "./trace/order.ts";
