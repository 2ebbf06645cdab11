import { Buffer } from "node:buffer";
import type { Content } from "@postroad/core";
import { contentOf } from "@postroad/core";
import { base64Blocks, base64Size, writeBase64 } from "./base64.ts";
import { base64Stream } from "./base64-stream.ts";
import type { MemoryContent } from "./source.ts";
import { isInMemory } from "./source.ts";

/** An attachment in base64; `path` is its place in the draft, for errors. */
export interface Base64 {
  readonly content: Content;
  readonly path: string;
}

/** What a rendered mail is made of, in order: ASCII text, bytes as they are, and content to encode. */
export type Piece = string | Uint8Array | Base64;

/** Larger contents are encoded while they are read, so that a shared picture is not held once per mail. */
const LARGE = 1024 * 1024;

/** The pieces as content: what is at hand is rendered now, into as few chunks as possible. */
export function contentOfPieces(pieces: readonly Piece[]): Content {
  const chunks = joinReady(pieces);
  const [first, ...others] = chunks;
  if (first instanceof Uint8Array && others.length === 0) return contentOf(first);
  const size = sizeOf(chunks);
  const open = chunks.some(isStream) ? () => readAsync(chunks) : () => readSync(chunks);
  return size === undefined ? { open } : { size, open };
}

type Chunk = Uint8Array | Base64;

function isStream(chunk: Chunk): chunk is Base64 {
  return !(chunk instanceof Uint8Array) && !isInMemory(chunk.content);
}

function joinReady(pieces: readonly Piece[]): Chunk[] {
  const chunks: Chunk[] = [];
  let ready: Ready[] = [];
  for (const piece of pieces) {
    if (isReady(piece)) {
      ready.push(piece);
      continue;
    }
    if (ready.length > 0) chunks.push(join(ready));
    chunks.push(piece);
    ready = [];
  }
  if (ready.length > 0) chunks.push(join(ready));
  return chunks;
}

type Ready = string | Uint8Array | (Base64 & { readonly content: MemoryContent });

function isReady(piece: Piece): piece is Ready {
  if (typeof piece === "string" || piece instanceof Uint8Array) return true;
  return isInMemory(piece.content) && piece.content.size < LARGE;
}

function join(pieces: readonly Ready[]): Uint8Array {
  let size = 0;
  for (const piece of pieces) size += sizeOfReady(piece);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const piece of pieces) at = write(piece, bytes, at);
  return bytes;
}

function sizeOfReady(piece: Ready): number {
  if (typeof piece === "string") return piece.length;
  return piece instanceof Uint8Array ? piece.byteLength : base64Size(piece.content.size);
}

function write(piece: Ready, bytes: Buffer, at: number): number {
  if (typeof piece === "string") return at + bytes.write(piece, at, "latin1");
  if (!(piece instanceof Uint8Array)) return writeBase64(piece.content.bytes, bytes, at);
  bytes.set(piece, at);
  return at + piece.byteLength;
}

function sizeOf(chunks: readonly Chunk[]): number | undefined {
  let total = 0;
  for (const chunk of chunks) {
    const size = chunk instanceof Uint8Array ? chunk.byteLength : chunk.content.size;
    if (size === undefined) return undefined;
    total += chunk instanceof Uint8Array ? size : base64Size(size);
  }
  return total;
}

function* readSync(chunks: readonly Chunk[]): Generator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Uint8Array) yield chunk;
    else if (isInMemory(chunk.content)) yield* base64Blocks(chunk.content.bytes);
  }
}

async function* readAsync(chunks: readonly Chunk[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Uint8Array) yield chunk;
    else yield* base64Stream(chunk.content, chunk.path);
  }
}
