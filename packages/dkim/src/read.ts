import type { Content } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { setImmediate as turn } from "node:timers/promises";

/** Bytes in memory that are worked through before others get their turn. */
const SLICE = 1024 * 1024;

/**
 * Hands every chunk of a content to `take`. Stops as soon as `signal` aborts, also where a chunk does not come. Throws
 * a Refusal where the content cannot be read. What is in memory is worked through with breaks: hashing 100 MB in one go
 * would hold up everything else in the process. Gives the chunks if they are in memory anyway.
 */
export async function read(
  content: Content,
  signal: AbortSignal,
  take: (chunk: Uint8Array) => void,
): Promise<readonly Uint8Array[] | undefined> {
  try {
    const opened = content.open();
    if (Symbol.iterator in opened) await readSync(opened, signal, take);
    else await readAsync(opened[Symbol.asyncIterator](), signal, take);
    return isArray(opened) ? opened : undefined;
  } catch (error) {
    if (error instanceof Refusal || error === signal.reason) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new Refusal("4.3.0", `the content could not be read: ${text}`, { phase: "sign", cause: error });
  }
}

function isArray(opened: ReturnType<Content["open"]>): opened is readonly Uint8Array[] {
  return Array.isArray(opened);
}

async function readSync(
  chunks: Iterable<Uint8Array>,
  signal: AbortSignal,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  let sinceTurn = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += SLICE) {
      const slice = chunk.byteLength <= SLICE ? chunk : chunk.subarray(at, at + SLICE);
      if (sinceTurn + slice.byteLength > SLICE) {
        await turn();
        signal.throwIfAborted();
        sinceTurn = 0;
      }
      sinceTurn += slice.byteLength;
      take(slice);
    }
  }
}

async function readAsync(
  chunks: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  let stop: ((reason: unknown) => void) | undefined;
  const onAbort = (): void => stop?.(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let isOpen = true;
  try {
    for (;;) {
      signal.throwIfAborted();
      const step = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        stop = reject;
        chunks.next().then(resolve, reject);
      });
      if (step.done === true) {
        isOpen = false;
        return;
      }
      take(step.value);
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a source that hangs would never let go. What it says in the end is of no interest any more.
    if (isOpen) chunks.return?.().catch(() => undefined);
  }
}
