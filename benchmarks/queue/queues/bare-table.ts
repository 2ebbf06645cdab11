import { Worker } from "node:worker_threads";

/** A row to be inserted, or without a body to be deleted. */
export interface Change {
  readonly id: number;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** One table of SQLite, in a thread of its own. */
export interface BareTable extends AsyncDisposable {
  /** Resolves when it is on disk. What comes while the thread is busy, or in one turn, is one transaction. */
  write(change: Change): Promise<void>;
}

export function bareTable(path: string): BareTable {
  const thread = new Worker(new URL("bare-thread.ts", import.meta.url), { workerData: path });
  let waiting: { readonly change: Change; readonly resolve: () => void }[] = [];
  let busy = false;

  function send(): void {
    const batch = waiting;
    waiting = [];
    const bodies = batch.flatMap(({ change: { body } }) => (body === undefined ? [] : [body.buffer]));
    thread.once("message", () => {
      busy = false;
      for (const { resolve } of batch) resolve();
      schedule();
    });
    thread.postMessage(batch.map(({ change }) => change), bodies);
  }

  function schedule(): void {
    if (busy || waiting.length === 0) return;
    busy = true;
    setImmediate(send);
  }

  return {
    write: (change) =>
      new Promise((resolve) => {
        waiting.push({ change, resolve });
        schedule();
      }),
    async [Symbol.asyncDispose]() {
      await thread.terminate();
    },
  };
}
