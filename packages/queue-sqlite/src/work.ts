import { Refusal } from "@postroad/core";

/** Knows what is under way, so that closing can wait for it. */
export interface Work {
  /** Refuses with 4.3.0 once closing has begun. */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Resolves when nothing is under way any more; refuses what comes later. */
  close(): Promise<void>;
}

export function workOf(name: string): Work {
  let count = 0;
  let closing = false;
  let idle: (() => void) | undefined;
  return {
    async run(task) {
      if (closing) throw new Refusal("4.3.0", `${name} is closed`, { phase: "store" });
      count += 1;
      try {
        return await task();
      } finally {
        count -= 1;
        if (count === 0) idle?.();
      }
    },
    async close() {
      closing = true;
      if (count > 0) await new Promise<void>((resolve) => (idle = resolve));
    },
  };
}
