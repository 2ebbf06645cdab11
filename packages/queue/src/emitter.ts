import type { Policy } from "./drain-options.ts";
import type { EventStream } from "./event-stream.ts";
import { eventStream } from "./event-stream.ts";
import type { QueueEvent } from "./events.ts";
import { notify } from "./notify.ts";

/** Tells all who listen. None of them can hold up mail. */
export interface Emitter {
  readonly emit: (event: QueueEvent) => void;
  readonly stream: (limit?: number) => EventStream;
  end(): void;
}

export function emitter({ onEvent, onSettled }: Pick<Policy, "onEvent" | "onSettled">): Emitter {
  const streams = new Set<EventStream>();
  return {
    emit(event) {
      if (event.kind === "settled") notify("onSettled", onSettled, event);
      notify("onEvent", onEvent, event);
      for (const stream of streams) stream.push(event);
    },
    stream(limit) {
      const inner = eventStream(limit);
      const own: EventStream = {
        ...inner,
        return() {
          streams.delete(inner);
          return inner.return?.() ?? Promise.resolve({ value: undefined, done: true });
        },
        [Symbol.asyncIterator]: () => own,
      };
      streams.add(inner);
      return own;
    },
    end() {
      for (const stream of streams) stream.end();
      streams.clear();
    },
  };
}
