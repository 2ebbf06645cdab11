import { abortion } from "./failure.ts";

/** Lets in so many at once; the others wait in the order they came. */
export interface Gate {
  /** Resolves with what to call when leaving. Rejects where the signal aborts the wait. */
  enter(signal: AbortSignal | undefined): Promise<() => void>;
}

export function gate(limit: number): Gate {
  const waiting = new Set<() => void>();
  let inside = 0;

  function leave(): void {
    inside -= 1;
    const [next] = waiting;
    next?.();
  }

  return {
    enter(signal) {
      return new Promise((resolve, reject) => {
        function go(): void {
          stay();
          inside += 1;
          resolve(leave);
        }
        function stop(): void {
          stay();
          reject(abortion());
        }
        function stay(): void {
          waiting.delete(go);
          signal?.removeEventListener("abort", stop);
        }
        if (inside < limit) return go();
        waiting.add(go);
        signal?.addEventListener("abort", stop, { once: true });
      });
    },
  };
}

/** Calls `work` for every item, `limit` at once; results stand in the order of the items. `work` must not reject. */
export async function inTurns<T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const turns = items.entries();
  async function turn(): Promise<void> {
    for (const [index, item] of turns) results[index] = await work(item);
  }
  await Promise.all(Array.from({ length: limit }, turn));
  return results;
}
