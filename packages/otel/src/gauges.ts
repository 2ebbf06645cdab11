import type { BatchObservableCallback, Observable } from "@opentelemetry/api";
import * as names from "./names.ts";
import type { Resolved } from "./options.ts";
import { quietly } from "./quietly.ts";

/** What is asked at every collection: pool and queue. Gives what takes the questions back. */
export function watch({ meter, pool, queue }: Resolved): () => void {
  const stops: (() => void)[] = [];

  function observe(callback: BatchObservableCallback, observables: Observable[]): void {
    meter.addBatchObservableCallback(callback, observables);
    stops.push(() => meter.removeBatchObservableCallback(callback, observables));
  }

  if (pool !== undefined) {
    const connections = meter.createObservableUpDownCounter(names.POOL_CONNECTIONS, { unit: "{connection}" });
    const waiting = meter.createObservableUpDownCounter(names.POOL_WAITING, { unit: "{mail}" });
    observe((result) => {
      const use = quietly(pool);
      if (use === undefined) return;
      result.observe(connections, use.idle, { [names.POOL_STATE]: "idle" });
      result.observe(connections, use.connections - use.idle, { [names.POOL_STATE]: "used" });
      result.observe(connections, use.connecting, { [names.POOL_STATE]: "connecting" });
      result.observe(waiting, use.waiting);
    }, [connections, waiting]);
  }

  if (queue !== undefined) {
    const depth = meter.createObservableUpDownCounter(names.QUEUE_DEPTH, { unit: "{mail}" });
    const age = meter.createObservableGauge(names.QUEUE_AGE, { unit: "s", description: "How long the oldest mail is due" });
    observe(async (result) => {
      const use = await queue();
      result.observe(depth, use.depth);
      result.observe(age, (use.age ?? 0) / 1000);
    }, [depth, age]);
  }

  return () => {
    for (const stop of stops) quietly(stop);
  };
}
