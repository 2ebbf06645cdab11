import type { Content } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { crc32 } from "node:zlib";
import type { BodyHash } from "./canonical-body.ts";
import { bodyHash } from "./canonical-body.ts";
import type { Canonical } from "./canonical-header.ts";
import type { Field } from "./header.ts";
import { fieldsOf } from "./header.ts";
import { lines } from "./lines.ts";
import { read } from "./read.ts";

/** What one reading of a message tells; all that is needed to sign it. */
export interface Survey {
  readonly fields: readonly Field[];
  /** Values of `bh=`. */
  readonly bodyHashes: ReadonlyMap<Canonical, string>;
  readonly size: number;
  /** CRC-32, to notice if the next reading gives other bytes. */
  readonly checksum: number;
  /** The bytes, where they are few or in memory anyway; else they have to be read again. */
  readonly chunks: readonly Uint8Array[] | undefined;
}

/** Content up to this size is kept while it is read, so that it goes out in one write and is read once. */
export const SMALL: number = 64 * 1024;
const MAX_HEADER = 1024 * 1024;

/** Reads a message once, in constant memory. */
export async function survey(content: Content, kinds: Iterable<Canonical>, signal: AbortSignal): Promise<Survey> {
  const hashes = new Map(Array.from(kinds, (kind) => [kind, bodyHash(kind)] as const));
  const message = headerAndBody([...hashes.values()]);
  const text = lines((piece) => message.push(piece));
  const copy = copyOf();
  let size = 0;
  let checksum = 0;
  const inMemory = await read(content, signal, (chunk) => {
    text.push(chunk);
    copy.push(chunk);
    size += chunk.byteLength;
    checksum = crc32(chunk, checksum);
  });
  text.end();
  checkSize(content, size);
  const fields = fieldsOf(message.header());
  const bodyHashes = new Map(Array.from(hashes, ([kind, hash]) => [kind, hash.digest()] as const));
  return { fields, bodyHashes, size, checksum, chunks: inMemory ?? copy.chunks() };
}

/** The chunks, until they are too many to keep. */
function copyOf(): { push(chunk: Uint8Array): void; chunks(): readonly Uint8Array[] | undefined } {
  let kept: Uint8Array[] | undefined = [];
  let size = 0;
  return {
    push(chunk) {
      size += chunk.byteLength;
      if (size > SMALL) kept = undefined;
      kept?.push(chunk);
    },
    chunks: () => kept,
  };
}

/** Keeps what stands before the first empty line, and gives the rest to be hashed. */
function headerAndBody(hashes: readonly BodyHash[]): { push(text: string): void; header(): string } {
  const pieces: string[] = [];
  let length = 0;
  let inBody = false;
  // As if a line ended before the message: it may begin with the empty line.
  let seam = "\r\n";

  function pushBody(text: string): void {
    for (const hash of hashes) hash.push(text);
  }

  function pushHeader(text: string): void {
    const all = seam + text;
    const blank = all.indexOf("\r\n\r\n");
    const body = blank === -1 ? text.length : blank + 4 - seam.length;
    pieces.push(text.slice(0, body));
    length += body;
    seam = all.slice(-3);
    inBody = blank !== -1;
    if (length > MAX_HEADER) throw new Refusal("5.6.0", `the header is larger than ${MAX_HEADER} octets`, { phase: "sign" });
    if (inBody && body < text.length) pushBody(text.slice(body));
  }

  return {
    push: (text) => (inBody ? pushBody(text) : pushHeader(text)),
    header() {
      const header = pieces.join("");
      if (inBody) return header.slice(0, -2);
      return header === "" || header.endsWith("\r\n") ? header : `${header}\r\n`;
    },
  };
}

function checkSize({ size: declared }: Content, size: number): void {
  if (declared === undefined || declared === size) return;
  throw new Refusal("4.6.0", `the content declares ${declared} bytes and has ${size}`, {
    phase: "sign",
    advice: "The source changed while it was read, or its size is wrong.",
  });
}
