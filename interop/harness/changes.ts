import { on } from "node:events";
import { watch } from "node:fs";

/** Milliseconds after which what a test waits for is not coming any more. */
const PATIENCE = 40_000;

export interface Search<T> {
  /** Where a change can bring it. */
  readonly folder: string;
  /** What to say when it does not come. */
  readonly sought: string;
  /** Ends the search with the reason of its abort. */
  readonly signal?: AbortSignal;
  readonly probe: () => Promise<T | undefined>;
}

/** What `probe` finds, asked at once and again at every change in a folder. */
export async function found<T>({ folder, sought, signal, probe }: Search<T>): Promise<T> {
  const patience = AbortSignal.timeout(PATIENCE);
  const limit = AbortSignal.any(signal === undefined ? [patience] : [patience, signal]);
  const watcher = watch(folder);
  try {
    const changes = on(watcher, "change", { signal: limit });
    for (;;) {
      const result = await probe();
      if (result !== undefined) return result;
      await changes.next();
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!patience.aborted) throw error;
    throw new Error(`not within ${PATIENCE} ms: ${sought}`, { cause: error });
  } finally {
    watcher.close();
  }
}
