import { isAscii } from "node:buffer";
import type { Content } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { LineCheck } from "./lines.ts";

/** The bytes of a mail as the wire needs to know them. */
export interface Body {
  readonly content: Content;
  /** Octets as RFC 1870 counts them; undefined where the content does not say. */
  readonly size: number | undefined;
  readonly eightBit: "no" | "yes" | "unknown";
  /** The header has bytes over 127, which only SMTPUTF8 may carry (RFC 6532). */
  readonly utf8Header: boolean;
  /** No line begins with a dot: DATA needs no stuffing. */
  readonly dotless: boolean;
  /** The bytes, already checked, where they are in memory. */
  readonly chunks: readonly Buffer[] | undefined;
}

const CRLF = Buffer.from("\r\n");
/** How far a header is looked at, where no blank line ends it. */
const LONGEST_HEADER = 64 * 1024;
/** What a sync iterable may yield before it is treated as a stream. */
const MEMORY_LIMIT = 64 * 1024 * 1024;
/** What is written in one go, so that a refusal half-way and a lack of progress are noticed. */
const SLICE = 256 * 1024;

/** Looks at a content before anything is sent. Throws a Refusal where its bytes must not go out. */
export function bodyOf(content: Content): Body {
  const { size: declared } = content;
  if (declared !== undefined && !(Number.isSafeInteger(declared) && declared >= 0)) {
    throw new Refusal("4.6.0", "the content declares a size that is no number of bytes", { phase: "body" });
  }
  const chunks = inMemory(content);
  if (chunks === undefined) {
    return { content, size: content.size, eightBit: "unknown", utf8Header: false, dotless: false, chunks };
  }
  const check = new LineCheck();
  let size = 0;
  for (const chunk of chunks) {
    check.push(chunk);
    size += chunk.byteLength;
  }
  check.end();
  checkSize(declared, size);
  const { eightBit, dots } = check;
  return { content, size, eightBit: eightBit ? "yes" : "no", utf8Header: eightBit && hasUtf8Header(chunks), dotless: !dots, chunks };
}

/** The bytes of a content one chunk at a time, each checked. Throws where they are not what they should be. */
export async function* checkedChunks({ content }: Body, eightBit: boolean): AsyncGenerator<Buffer> {
  const check = new LineCheck();
  let size = 0;
  for await (const bytes of content.open()) {
    const chunk = bufferOf(bytes);
    check.push(chunk);
    if (!eightBit && check.eightBit) {
      throw new Refusal("5.6.3", "the message has 8-bit bytes and the server does not offer 8BITMIME");
    }
    size += chunk.byteLength;
    // What was announced with SIZE has been exceeded: no need to wait for the end, which may never come.
    if (content.size !== undefined && size > content.size) checkSize(content.size, size);
    yield* slicesOf([chunk]);
  }
  check.end();
  checkSize(content.size, size);
}

/** The same bytes in pieces of at most 256 KiB. */
export function* slicesOf(chunks: readonly Buffer[]): Generator<Buffer> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += SLICE) yield chunk.subarray(at, at + SLICE);
  }
}

function checkSize(declared: number | undefined, size: number): void {
  if (declared === undefined || declared === size) return;
  throw new Refusal("4.6.0", `the content declares ${declared} bytes and has ${size}`, {
    phase: "body",
    advice: "The source changed while it was read, or its size is wrong.",
  });
}

/** All chunks where the content gives them at once, and they are not too many; else undefined: it has to be streamed. */
function inMemory(content: Content): readonly Buffer[] | undefined {
  try {
    const opened = content.open();
    if (!(Symbol.iterator in opened)) return undefined;
    const chunks: Buffer[] = [];
    let size = 0;
    for (const chunk of opened) {
      chunks.push(bufferOf(chunk));
      size += chunk.byteLength;
      if (size > MEMORY_LIMIT && !Array.isArray(opened)) return undefined;
    }
    return chunks;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new Refusal("4.3.0", `the content could not be read: ${text}`, { phase: "body", cause: error });
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Looks as far as the blank line. */
function hasUtf8Header(chunks: readonly Buffer[]): boolean {
  const start: Buffer[] = [CRLF];
  let size = 0;
  for (const chunk of chunks) {
    if (size >= LONGEST_HEADER) break;
    start.push(chunk.subarray(0, LONGEST_HEADER - size));
    size += chunk.byteLength;
  }
  const head = Buffer.concat(start);
  const end = head.indexOf("\r\n\r\n");
  return !isAscii(end === -1 ? head : head.subarray(0, end));
}
