import type { Content } from "@postroad/core";
import { mailboxKey, Refusal } from "@postroad/core";
import { Buffer } from "node:buffer";
import { abortion, throwIfAborted } from "./failure.ts";

/** A mail that is being read. */
export interface Incoming {
  /** Its header, without the Return-Path of others (RFC 5321 §4.4). */
  readonly header: Buffer;
  /** Whom it was delivered to already, as `mailboxKey` has them. */
  readonly deliveredTo: ReadonlySet<string>;
  /** The blank line and what is behind it. Can be read once. */
  readonly rest: AsyncIterable<Uint8Array>;
  /** Lets go of a content that is not read to its end. */
  close(): Promise<void>;
}

/** A header is held in memory: what is longer is none that anybody can read. */
const MAX_HEADER = 1024 * 1024;

/** Reads the header of a mail; the rest is read when it is written. Throws a Refusal where the content is not as it says. */
export async function receive(content: Content, signal: AbortSignal | undefined): Promise<Incoming> {
  const chunks = chunksOf(content, signal);
  const { bytes, end } = await readHeader(chunks);
  const header = bytes.subarray(0, end);
  const fields = header.toString("latin1").split(/(?<=\r\n)(?![ \t])/);
  return {
    header: Buffer.from(fields.filter((field) => !/^return-path[ \t]*:/i.test(field)).join(""), "latin1"),
    deliveredTo: new Set(fields.flatMap(addressIn)),
    rest: continued(bytes.subarray(end), chunks),
    async close() {
      await chunks.return();
    },
  };
}

/** What was read up to the chunk that ends the header, and where that is. */
async function readHeader(chunks: AsyncGenerator<Uint8Array, void, undefined>): Promise<{ readonly bytes: Buffer; readonly end: number }> {
  const head = growing();
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) return { bytes: head.bytes(), end: head.bytes().length };
    const from = Math.max(0, head.bytes().length - 3);
    head.add(next.value);
    const end = endOfHeader(head.bytes(), from);
    if (end !== -1) return { bytes: head.bytes(), end };
    if (head.bytes().length <= MAX_HEADER) continue;
    await chunks.return();
    throw tooLong();
  }
}

function addressIn(field: string): string[] {
  const [, value] = /^delivered-to[ \t]*:(.*)$/is.exec(field) ?? [];
  return value === undefined ? [] : [mailboxKey(Buffer.from(value, "latin1").toString().replaceAll("\r\n", "").trim())];
}

/** Offset of the blank line; a header of length 0 is one too. */
function endOfHeader(bytes: Buffer, from: number): number {
  if (bytes[0] === 13 && bytes[1] === 10) return 0;
  const at = bytes.indexOf("\r\n\r\n", from);
  return at === -1 ? -1 : at + 2;
}

function tooLong(): Refusal {
  return new Refusal("5.6.0", `the header goes on past ${MAX_HEADER} bytes`, { phase: "content" });
}

async function* continued(first: Uint8Array, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* chunks;
}

/** The bytes of a content, as many as it says; an abort ends the wait for more. */
async function* chunksOf(content: Content, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => undefined);
  const stop = (): void => reject(abortion());
  signal?.addEventListener("abort", stop, { once: true });
  const chunks = iterate(content);
  let size = 0;
  try {
    for (;;) {
      throwIfAborted(signal);
      const next = await Promise.race([chunks.next(), aborted]);
      if (next.done === true) break;
      size += next.value.byteLength;
      if (content.size !== undefined && size > content.size) throw otherSize(content.size, `${size} or more`);
      yield next.value;
    }
    if (content.size !== undefined && size < content.size) throw otherSize(content.size, `${size}`);
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal("4.3.0", "the content cannot be read", { phase: "content", cause: error });
  } finally {
    signal?.removeEventListener("abort", stop);
    // Whoever has kept us waiting until the abort may do so for ever; the verdict is made in any case.
    const closed = chunks.return().catch(() => undefined);
    if (signal?.aborted !== true) await closed;
  }
}

async function* iterate(content: Content): AsyncGenerator<Uint8Array, void, undefined> {
  yield* content.open();
}

function otherSize(declared: number, found: string): Refusal {
  return new Refusal("4.3.0", `the content has ${found} bytes, not the ${declared} it declares`, { phase: "content" });
}

/** Bytes one piece after the other, without copying all of them each time. */
function growing(): { add(piece: Uint8Array): void; bytes(): Buffer } {
  let buffer = Buffer.alloc(4096);
  let length = 0;
  return {
    add(piece) {
      if (length + piece.length > buffer.length) {
        const larger = Buffer.alloc(Math.max(2 * buffer.length, length + piece.length));
        buffer.copy(larger, 0, 0, length);
        buffer = larger;
      }
      buffer.set(piece, length);
      length += piece.length;
    },
    bytes: () => buffer.subarray(0, length),
  };
}
