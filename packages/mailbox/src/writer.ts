import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";

const CR = 13;
const LF = 10;
const BLOCK = 64 * 1024;

/** Writes to a file in blocks, with the line ends of files: LF where the mail has CRLF. */
export interface Writer {
  add(bytes: Uint8Array): Promise<void>;
  /** Call it once, behind the last bytes. Gives their number and that of their lines. */
  end(): Promise<Written>;
}

export interface Written {
  readonly size: number;
  readonly lines: number;
}

export function writerTo(file: FileHandle): Writer {
  const block = Buffer.allocUnsafe(BLOCK);
  let filled = 0;
  let size = 0;
  let lines = 0;
  /** A CR whose LF may be in the next bytes. */
  let isPending = false;

  async function flush(): Promise<void> {
    await writeAll(file, block.subarray(0, filled), size);
    size += filled;
    filled = 0;
  }

  async function put(octet: number): Promise<void> {
    if (filled === BLOCK) await flush();
    block[filled++] = octet;
    if (octet === LF) lines += 1;
  }

  /** Bytes without a CR that begins a line end. */
  async function copy(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (filled === BLOCK) await flush();
      const piece = bytes.subarray(at, at + BLOCK - filled);
      block.set(piece, filled);
      filled += piece.length;
      at += piece.length;
    }
    for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) lines += 1;
  }

  return {
    async add(bytes) {
      let start = 0;
      if (isPending && bytes.length > 0) {
        if (bytes[0] !== LF) await put(CR);
        isPending = false;
      }
      for (let at = bytes.indexOf(CR); at !== -1; at = bytes.indexOf(CR, at + 1)) {
        isPending = at + 1 === bytes.length;
        if (!isPending && bytes[at + 1] !== LF) continue;
        await copy(bytes.subarray(start, at));
        start = at + 1;
      }
      await copy(bytes.subarray(start));
    },
    async end() {
      if (isPending) await put(CR);
      await flush();
      return { size, lines };
    },
  };
}

/** A write may take less than it was given. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}
