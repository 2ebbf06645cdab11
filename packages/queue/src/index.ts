export type { MemoryStoreOptions } from "./memory/memory-store.ts";
export { memoryStore } from "./memory/memory-store.ts";
export type {
  Added,
  ClaimRequest,
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
