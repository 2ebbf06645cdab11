import type { Content } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { crc32 } from "node:zlib";
import { createContentFile } from "./files.ts";
import type { Body } from "./messages.ts";
import type { Resolved } from "./options.ts";

/** A content that was read to its end, and is on disk already where it is a file. */
export interface Spooled {
  readonly size: number;
  /** CRC-32 of the bytes. */
  readonly crc: number;
  readonly body: Body;
}

interface Tally {
  size: number;
  crc: number;
}

/** Reads a content: what is small into memory, what is larger into a file, synced before this resolves. */
export async function spool(content: Content, settings: Resolved): Promise<Spooled> {
  if (content.size !== undefined && content.size > settings.maxBytes) throw tooLarge(settings.maxBytes);
  const chunks = chunksOf(content, settings.maxBytes);
  try {
    const [small, tally] = await take(chunks, settings.inlineLimit);
    if (tally.size <= settings.inlineLimit) return { ...tally, body: { data: concat(small, tally.size) } };
    return await spoolToFile(small, tally, chunks, settings);
  } finally {
    await chunks.end();
  }
}

/** Chunks one after the other; without a promise for each where they are in memory. */
interface Chunks {
  next(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Tells a source that was not read to its end. */
  end(): Promise<void>;
}

function chunksOf(content: Content, limit: number): Chunks {
  let opened: ReturnType<Content["open"]>;
  try {
    opened = content.open();
  } catch (error) {
    throw unreadable(error);
  }
  const source = Symbol.asyncIterator in opened ? opened[Symbol.asyncIterator]() : opened[Symbol.iterator]();
  let size = 0;
  let open = true;

  function taken({ done, value }: IteratorResult<Uint8Array, unknown>): Uint8Array | undefined {
    if (done === true) {
      open = false;
      if (content.size === undefined || content.size === size) return undefined;
      throw unreadable(new RangeError(`it has ${size} bytes, and said ${content.size}`));
    }
    if (!(value instanceof Uint8Array)) throw unreadable(new TypeError("a chunk is no Uint8Array"));
    size += value.byteLength;
    if (size > limit) throw tooLarge(limit);
    return value;
  }

  function failed(error: unknown): never {
    open = false;
    throw unreadable(error);
  }

  return {
    next() {
      try {
        const step = source.next();
        return step instanceof Promise ? step.then(taken, failed) : taken(step);
      } catch (error) {
        return failed(error);
      }
    },
    async end() {
      if (open) await source.return?.();
    },
  };
}

/** Chunks until there are more than `limit` bytes, or no more chunks. */
async function take(chunks: Chunks, limit: number): Promise<readonly [readonly Uint8Array[], Tally]> {
  const taken: Uint8Array[] = [];
  const tally = { size: 0, crc: 0 };
  while (tally.size <= limit) {
    const next = chunks.next();
    const chunk = next instanceof Promise ? await next : next;
    if (chunk === undefined) break;
    count(tally, chunk);
    taken.push(chunk);
  }
  return [taken, tally];
}

async function spoolToFile(
  first: readonly Uint8Array[],
  tally: Tally,
  chunks: Chunks,
  { folder }: Resolved,
): Promise<Spooled> {
  const file = await createContentFile(folder);
  try {
    for (const chunk of first) await file.write(chunk);
    for (;;) {
      const next = chunks.next();
      const chunk = next instanceof Promise ? await next : next;
      if (chunk === undefined) break;
      count(tally, chunk);
      await file.write(chunk);
    }
    return { ...tally, body: { file: await file.finish() } };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function count(tally: Tally, chunk: Uint8Array): void {
  tally.size += chunk.byteLength;
  tally.crc = crc32(chunk, tally.crc);
}

/** One array that owns its memory, so that it can change hands. */
function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

function unreadable(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new Refusal("4.3.0", `the content cannot be read: ${text}`, { phase: "store", cause: error });
}

function tooLarge(limit: number): Refusal {
  return new Refusal("4.3.1", `the content is larger than all the store may hold, ${limit} bytes`, { phase: "store" });
}
