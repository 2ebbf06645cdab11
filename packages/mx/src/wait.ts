import type { SendOptions } from "@postroad/core";
import { Refusal } from "@postroad/core";

/** The same, but rejects as soon as the signal aborts. What is under way goes on: others may wait for it, too. */
export function unlessAborted<T>(work: Promise<T>, { signal }: SendOptions): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(aborted());
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Nothing was sent yet. */
export function aborted(): Refusal {
  return new Refusal("4.3.2", "aborted before the mail was sent", { phase: "dns" });
}

/** Maps with at most so many at work at a time, and keeps the order. */
export async function mapped<T, R>(items: readonly T[], most: number, work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  async function worker(): Promise<void> {
    for (let index = next; index < items.length; index = next) {
      next += 1;
      for (const item of items.slice(index, index + 1)) results[index] = await work(item);
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  return results;
}
