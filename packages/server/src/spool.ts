import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Content } from "@postroad/core";
import { growing } from "./growing.ts";

/** Where bodies wait until the transport has taken them. */
export interface SpoolOptions {
  /** Octets of one body kept in memory; what is longer waits in a file. @default 262_144 */
  readonly memory?: number;
  /** Octets of all bodies together kept in memory; past that, every body waits in a file. @default 67_108_864 */
  readonly total?: number;
  /** Folder of the files. They have no name while they are used, and so leave nothing behind. @default the system's */
  readonly directory?: string;
}

/** A body while it comes in. */
export interface Spool {
  readonly size: number;
  write(bytes: Buffer): void;
  /** More is held than memory should hold: call `settle` before the next `write`. */
  readonly full: boolean;
  /** Moves what is held to the file. Throws what the file system throws. */
  settle(): Promise<void>;
  /** What came in, to be read any number of times until `release`. */
  finish(): Promise<Content>;
  release(): Promise<void>;
}

export type OpenSpool = () => Spool;

const BLOCK = 64 * 1024;

/** Spools that share one bound of memory. */
export function spools({ memory = 256 * 1024, total = 64 * 1024 * 1024, directory = tmpdir() }: SpoolOptions = {}): OpenSpool {
  let used = 0;
  return () => {
    const held = growing();
    let counted = 0;
    let file: FileHandle | undefined;
    let written = 0;

    function count(octets: number): void {
      used += octets - counted;
      counted = octets;
    }

    async function settle(): Promise<void> {
      file ??= await openUnnamed(directory);
      written += await writeAll(file, held.bytes(), written);
      held.clear();
      count(0);
    }

    return {
      get size() {
        return written + held.size;
      },
      write(bytes) {
        held.push(bytes);
        count(held.size);
      },
      get full() {
        return held.size > (file === undefined ? memory : BLOCK) || used > total;
      },
      settle,
      async finish() {
        if (file === undefined) return inMemory(held.bytes());
        await settle();
        return inFile(file, written);
      },
      async release() {
        count(0);
        const last = file;
        file = undefined;
        await last?.close();
      },
    };
  };
}

/** Only this process can read it, and nobody can find it: a crash leaves nothing behind. */
async function openUnnamed(directory: string): Promise<FileHandle> {
  const path = join(directory, `postroad-${randomBytes(12).toString("hex")}`);
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<number> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
  return done;
}

function inMemory(bytes: Buffer): Content {
  return { size: bytes.byteLength, open: () => (bytes.byteLength === 0 ? [] : [bytes]) };
}

function inFile(file: FileHandle, size: number): Content {
  return {
    size,
    async *open() {
      for (let at = 0; at < size; ) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(BLOCK), 0, Math.min(BLOCK, size - at), at);
        if (bytesRead === 0) throw new Error("the spooled body ends early");
        yield buffer.subarray(0, bytesRead);
        at += bytesRead;
      }
    },
  };
}
