import { checkOptions, isInteger } from "@postroad/core";
import type { DroppedEvent, QueueEvent } from "./events.ts";
import { line } from "./line.ts";

/** Events as they come. */
export interface EventStream extends AsyncIterableIterator<QueueEvent | DroppedEvent, undefined> {
  /** Puts an event in: give it as `onEvent`. */
  readonly push: (event: QueueEvent) => void;
  /** Ends it, once what is in it has been taken. */
  end(): void;
  [Symbol.asyncIterator](): EventStream;
}

/**
 * Events between who tells and who listens. Mail never waits for a listener: past `limit` events that nobody took, the
 * oldest are dropped, and a `dropped` event in their place says how many.
 */
export function eventStream(limit = 1000): EventStream {
  checkOptions("eventStream", { limit }, { limit: isInteger(1) });
  const held = line<QueueEvent>();
  const waiting = line<(result: IteratorResult<QueueEvent | DroppedEvent, undefined>) => void>();
  let dropped = 0;
  let isEnded = false;

  function take(): QueueEvent | DroppedEvent | undefined {
    if (dropped === 0) return held.take();
    const count = dropped;
    dropped = 0;
    return { kind: "dropped", count };
  }

  const stream: EventStream = {
    push(event) {
      if (isEnded) return;
      const next = waiting.take();
      if (next !== undefined) {
        next({ value: event, done: false });
        return;
      }
      held.add(event);
      if (held.length <= limit) return;
      held.take();
      dropped += 1;
    },
    end() {
      isEnded = true;
      for (let next = waiting.take(); next !== undefined; next = waiting.take()) next({ value: undefined, done: true });
    },
    next() {
      const value = take();
      if (value !== undefined) return Promise.resolve({ value, done: false });
      if (isEnded) return Promise.resolve({ value: undefined, done: true });
      return new Promise((resolve) => waiting.add(resolve));
    },
    return() {
      stream.end();
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
