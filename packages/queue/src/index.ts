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
  QueueStats,
  Selection,
  Store,
} from "./store.ts";
