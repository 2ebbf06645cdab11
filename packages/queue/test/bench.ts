import type { Transport } from "@postroad/core";
import { backoff } from "@postroad/core";
import type { DrainOptions, Store, Worker } from "../src/index.ts";
import { drain, memoryStore, queue } from "../src/index.ts";
import type { Recorder, TestClock } from "./support.ts";
import { recorder, testClock } from "./support.ts";

/** A worker with all that is around it. */
export interface Bench extends AsyncDisposable, Recorder {
  readonly store: Store;
  readonly inbox: Transport;
  readonly clock: TestClock;
  readonly worker: Worker;
}

/** A worker on a clock that stands still, without jitter. */
export function bench(to: Transport, options: DrainOptions = {}, store: Store = memoryStore()): Bench {
  const clock = testClock();
  const record = recorder();
  const worker = drain(store, to, { clock, onEvent: record.onEvent, schedule: backoff({ jitter: 0 }), ...options });
  return {
    ...record,
    store,
    clock,
    inbox: queue(store, { now: () => clock.now() }),
    worker,
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

export async function isEmpty(store: Store): Promise<boolean> {
  return (await store.list()).length === 0;
}
