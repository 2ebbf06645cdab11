import type { Content } from "@postroad/core";
import { Refusal } from "@postroad/core";

/**
 * The same content, which refuses to be read past `max` bytes (5.3.4), or once the signal has aborted. What is in memory
 * and says how long it is, is read as it is.
 */
export function limited(content: Content, max: number, signal: AbortSignal | undefined): Content {
  if (content.size !== undefined && content.size > max) throw tooLarge(max);
  return {
    ...(content.size !== undefined && { size: content.size }),
    open() {
      const source = content.open();
      if (Symbol.iterator in source) return content.size === undefined ? capped(source, max) : source;
      return watched(source, max, signal);
    },
  };
}

function* capped(source: Iterable<Uint8Array>, max: number): Iterable<Uint8Array> {
  let size = 0;
  for (const chunk of source) {
    size += chunk.byteLength;
    if (size > max) throw tooLarge(max);
    yield chunk;
  }
}

async function* watched(source: AsyncIterable<Uint8Array>, max: number, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let size = 0;
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done === true) return;
      size += next.value.byteLength;
      if (size > max) throw tooLarge(max);
      yield next.value;
    }
  } finally {
    // Whoever stops early lets go of the source; one that hangs is not waited for.
    iterator.return?.().catch(() => undefined);
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    // Nothing was added yet: not the signal's own reason, which would leave the mail in doubt.
    const stop = (): void => reject(new Refusal("4.3.2", "aborted before the mail was queued", { cause: signal.reason }));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

function tooLarge(max: number): Refusal {
  return new Refusal("5.3.4", `the mail is larger than ${max} bytes, the queue's maxSize`);
}
