import type { Line } from "../line.ts";
import { line } from "../line.ts";

/** Keys of what is finished, for a while. */
export interface Memory {
  has(key: string): boolean;
  add(key: string, at: number): void;
  /** Lets go of what is old enough at that time. */
  forget(now: number): void;
}

/** `milliseconds` count from the last `forget` before a key came, and from `at` before the first; past `limit` keys the oldest go first. */
export function memory(milliseconds: number, limit: number): Memory {
  const known = new Set<string>();
  const inOrder: Line<{ readonly key: string; readonly until: number }> = line();
  let time: number | undefined;
  let oldest: { readonly key: string; readonly until: number } | undefined;

  function dropOldest(): void {
    if (oldest !== undefined) known.delete(oldest.key);
    oldest = inOrder.take();
  }

  return {
    has: (key) => known.has(key),
    add(key, at) {
      if (known.has(key)) return;
      known.add(key);
      inOrder.add({ key, until: (time ?? at) + milliseconds });
      oldest ??= inOrder.take();
      if (known.size > limit) dropOldest();
    },
    forget(now) {
      time = now;
      while (oldest !== undefined && oldest.until <= now) dropOldest();
    },
  };
}
