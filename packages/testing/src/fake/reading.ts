import type { Content } from "@postroad/core";
import { Refusal } from "@postroad/core";

/** All of a content, one chunk at a time, for as long as the signal lets it. Aborting throws a Refusal. */
export async function readUnlessAborted(content: Content, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const iterator = iterate(content.open());
  const chunks: Uint8Array[] = [];
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done === true) return Buffer.concat(chunks);
      chunks.push(next.value);
    }
  } catch (error) {
    // Not awaited: an iterator that hangs in next() hangs in return() too.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
    throw error;
  }
}

type Chunks = Iterator<Uint8Array> | AsyncIterator<Uint8Array>;

function iterate(opened: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Chunks {
  return Symbol.asyncIterator in opened ? opened[Symbol.asyncIterator]() : opened[Symbol.iterator]();
}

/** What the promise gives, or a Refusal as soon as the signal aborts. */
export async function unlessAborted<T>(work: T | PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(new Refusal("4.3.2", "aborted"));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", stop));
  });
}
