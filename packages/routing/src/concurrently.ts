/** How many items are under way, and when to stop. */
export interface Concurrency {
  /** Items at once, results not yet taken included: a slow consumer slows the source. @default 16 */
  readonly concurrency?: number;
  /** Stops taking items; what is under way is told, finishes and is still reported. Then the iteration throws. */
  readonly signal?: AbortSignal;
}

/**
 * Runs `work` on every item and gives the results as they come. An error of the source or an abort ends the
 * iteration, after the results of what was under way. `work` must not throw.
 */
export async function* concurrently<T, R extends object>(
  source: Iterable<T> | AsyncIterable<T>,
  work: (item: T, index: number) => Promise<R>,
  { concurrency = 16, signal }: Concurrency,
): AsyncGenerator<R, void, undefined> {
  const results: R[] = [];
  const room = bell();
  const news = bell();
  let busy = 0;
  let stopped = false;
  let exhausted = false;

  async function run(item: T, index: number): Promise<void> {
    results.push(await work(item, index));
    busy -= 1;
    news.ring();
  }

  async function feed(): Promise<void> {
    let index = 0;
    for await (const item of source) {
      if (stopped) return;
      busy += 1;
      void run(item, index);
      index += 1;
      while (busy + results.length >= concurrency && !stopped) await room.wait();
      if (stopped) return;
    }
  }

  function stop(): void {
    stopped = true;
    room.ring();
    news.ring();
  }

  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) stop();
  const feeding = feed().finally(() => {
    exhausted = true;
    news.ring();
  });
  // The loop below meets a failure only when all results are out; until then it must not count as unhandled.
  feeding.catch(() => undefined);
  try {
    for (;;) {
      const result = results.shift();
      if (result !== undefined) {
        room.ring();
        yield result;
      } else if (busy === 0 && (exhausted || stopped)) break;
      else await news.wait();
    }
    signal?.throwIfAborted();
    await feeding;
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** Wakes whoever waits; a ring before the wait counts. */
function bell(): { ring(): void; wait(): Promise<void> } {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait() {
      if (!rung) await new Promise<void>((resolve) => (wake = resolve));
      rung = false;
      wake = undefined;
    },
  };
}
