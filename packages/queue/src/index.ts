export type { Clock } from "./clock.ts";
export { anchoredClock } from "./clock.ts";
export { drain } from "./drain.ts";
export type { Worker } from "./drain.ts";
export type { AdaptiveBounds, DrainOptions } from "./drain-options.ts";
export type { EventStream } from "./event-stream.ts";
export { eventStream } from "./event-stream.ts";
export type {
  About,
  AcceptedEvent,
  AttemptEvent,
  BouncedEvent,
  DeadEvent,
  DeferredEvent,
  DroppedEvent,
  ExpiredEvent,
  LostEvent,
  ParkedEvent,
  QueueEvent,
  SettledEvent,
  SupersededEvent,
  TroubleEvent,
  UnparkedEvent,
} from "./events.ts";
export type { LaneOf } from "./lane.ts";
export { laneByDomain } from "./lane.ts";
export type { QueueMailOptions } from "./mail-options.ts";
export { QUEUE_NOTES, withQueueOptions } from "./mail-options.ts";
export type { Manager } from "./manage.ts";
export { manage } from "./manage.ts";
export type { MemoryStoreOptions } from "./memory/memory-store.ts";
export { memoryStore } from "./memory/memory-store.ts";
export { queue } from "./queue.ts";
export type { QueueOptions } from "./queue-options.ts";
export type {
  Added,
  ClaimRequest,
  Damaged,
  Counts,
  Entry,
  EntryState,
  LaneCounts,
  Lease,
  ListRequest,
  Listed,
  Owed,
  QueueStats,
  Selection,
  Store,
} from "./store.ts";
