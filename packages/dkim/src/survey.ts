import type { Content } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { crc32 } from "node:zlib";
import type { BodyHash } from "./canonical-body.ts";
import { bodyHash } from "./canonical-body.ts";
import type { Canonical } from "./canonical-header.ts";
import type { Field } from "./header.ts";
import { fieldsOf } from "./header.ts";
import type { Piece } from "./lines.ts";
import { lines } from "./lines.ts";
import { read } from "./read.ts";

/** What one reading of a message tells; all that is needed to sign it. */
export interface Survey {
  readonly fields: readonly Field[];
  /** Values of `bh=`. */
  readonly bodyHashes: ReadonlyMap<Canonical, string>;
  readonly size: number;
  /** CRC-32, to notice if the next reading gives other bytes; 0 where there is none, since there are `chunks`. */
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
  const octets = lines(message.push);
  const copy = copyOf();
  const inMemory = await read(content, signal, (chunk) => {
    octets.push(chunk);
    copy.push(chunk);
  });
  octets.end();
  const { size, checksum, chunks } = copy.end();
  checkSize(content, size);
  const fields = fieldsOf(message.header());
  const bodyHashes = new Map(Array.from(hashes, ([kind, hash]) => [kind, hash.digest()] as const));
  return { fields, bodyHashes, size, checksum, chunks: inMemory ?? chunks };
}

type Copy = Pick<Survey, "size" | "checksum" | "chunks">;

/** Keeps the chunks until they are too many, and from then on their checksum. */
function copyOf(): { push(chunk: Uint8Array): void; end(): Copy } {
  let kept: Uint8Array[] | undefined = [];
  let size = 0;
  let checksum = 0;
  return {
    push(chunk) {
      size += chunk.byteLength;
      kept?.push(chunk);
      if (kept === undefined) checksum = crc32(chunk, checksum);
      else if (size > SMALL) {
        checksum = kept.reduce((sum, each) => crc32(each, sum), 0);
        kept = undefined;
      }
    },
    end: () => ({ size, checksum, chunks: kept }),
  };
}

/** Keeps what stands before the first empty line, and gives the rest to be hashed. */
function headerAndBody(hashes: readonly BodyHash[]): { readonly push: (piece: Piece) => void; header(): string } {
  const pieces: string[] = [];
  let length = 0;
  let inBody = false;
  // As if a line ended before the message: it may begin with the empty line.
  let seam = "\r\n";

  function pushBody(piece: Piece): void {
    for (const hash of hashes) hash.push(piece);
  }

  function pushHeader({ bytes, text, isPlain }: Piece): void {
    const start = bodyStart(seam, text);
    const body = start ?? text.length;
    pieces.push(text.slice(0, body));
    length += body;
    seam = (seam + text.slice(-3)).slice(-3);
    inBody = start !== undefined;
    if (length > MAX_HEADER) throw tooLarge();
    if (inBody && body < text.length) pushBody({ bytes: bytes.subarray(body), text: text.slice(body), isPlain });
  }

  return {
    push: (piece) => (inBody ? pushBody(piece) : pushHeader(piece)),
    header() {
      const header = pieces.join("");
      if (inBody) return header.slice(0, -2);
      return header === "" || header.endsWith("\r\n") ? header : `${header}\r\n`;
    },
  };
}

function tooLarge(): Refusal {
  return new Refusal("5.6.0", `the header is larger than ${MAX_HEADER} octets`, { phase: "sign" });
}

/** Where the body begins in `text`, which stands behind `seam`; undefined where it does not. */
function bodyStart(seam: string, text: string): number | undefined {
  const early = (seam + text.slice(0, 3)).indexOf("\r\n\r\n");
  if (early !== -1) return early + 4 - seam.length;
  const blank = text.indexOf("\r\n\r\n");
  return blank === -1 ? undefined : blank + 4;
}

function checkSize({ size: declared }: Content, size: number): void {
  if (declared === undefined || declared === size) return;
  throw new Refusal("4.6.0", `the content declares ${declared} bytes and has ${size}`, {
    phase: "sign",
    advice: "The source changed while it was read, or its size is wrong.",
  });
}
