import { Buffer } from "node:buffer";
import type { Content } from "@postroad/core";
import { Refusal } from "@postroad/core";
import type { ByteSource } from "./draft.ts";
import { kindOf } from "./issues.ts";

/** Content whose bytes are at hand, so that it can be rendered at once. */
export interface MemoryContent extends Content {
  readonly size: number;
  readonly bytes: Uint8Array;
}

export function inMemory(bytes: Uint8Array): MemoryContent {
  const chunks = [bytes];
  return { size: bytes.byteLength, bytes, open: () => chunks };
}

export function isInMemory(content: Content): content is MemoryContent {
  return "bytes" in content && content.bytes instanceof Uint8Array;
}

export function fromBlob(blob: Blob): Content {
  return { size: blob.size, open: () => blob.stream() };
}

/**
 * Content of a function that opens a stream, or reads bytes. It must open a new stream each time, since a stream can
 * be read only once.
 */
export function fromFactory(
  open: () => ByteSource | Promise<ByteSource>,
  path: string,
  size: number | undefined,
): Content {
  const given = new WeakSet<object>();
  async function* read(): AsyncGenerator<Uint8Array> {
    const source: unknown = await open();
    const isWhole = typeof source === "string" || source instanceof Uint8Array;
    const chunks = isWhole ? [source] : source;
    if (!isReadable(chunks)) throw broken(path, "must return bytes, an iterable of bytes or a stream");
    if (given.has(chunks) && !Array.isArray(chunks)) {
      throw broken(path, "returned a stream that was read before; open a new one at every call");
    }
    given.add(chunks);
    for await (const chunk of chunks) yield bytesOf(chunk, path);
  }
  return size === undefined ? { open: read } : { size, open: read };
}

function isReadable(source: unknown): source is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof source === "object" && source !== null && (Symbol.asyncIterator in source || Symbol.iterator in source);
}

function bytesOf(chunk: unknown, path: string): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return Buffer.from(chunk);
  throw broken(path, `gave a chunk that is ${kindOf(chunk)}; bytes or text are needed`);
}

/** An attempt cannot go on. Deferred, since the next attempt opens the content anew. */
export function broken(path: string, why: string): Refusal {
  return new Refusal("4.3.0", `${path}.content ${why}`, { phase: "content" });
}
