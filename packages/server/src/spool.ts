import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Content } from "@postroad/core";
import { Growing } from "./growing.ts";

/** Where bodies wait until the transport has taken them. */
export interface SpoolOptions {
  /** Octets of one body kept in memory; what is longer waits in a file. @default 262_144 */
  readonly memory?: number;
  /**
   * Octets of all messages together kept in memory. Past that, every body waits in a file; a message whose header does not fit in along
   * with the other headers is deferred with 452. @default 67_108_864
   */
  readonly total?: number;
  /** Folder of the files. They have no name while they are used, and so leave nothing behind. @default the system's */
  readonly directory?: string;
}

export type OpenSpool = () => Spool;

const BLOCK = 64 * 1024;

/** What all spools of a server share: the bounds, and how much of memory is taken. */
interface Shared {
  readonly memory: number;
  readonly total: number;
  readonly directory: string;
  used: number;
  /** Of it, what headers take: they do not move to a file. */
  headers: number;
}

/** Spools that share one bound of memory. */
export function spools({ memory = 256 * 1024, total = 64 * 1024 * 1024, directory = tmpdir() }: SpoolOptions = {}): OpenSpool {
  const shared = { memory, total, directory, used: 0, headers: 0 };
  return () => new Spool(shared);
}

/** A body while it comes in. A class, since there is one for every mail. */
export class Spool {
  readonly #shared: Shared;
  readonly #held = new Growing();
  #counted = 0;
  #header = 0;
  #file: FileHandle | undefined;
  #written = 0;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** Counts what the header of the message takes; false where headers would take more than there is for all. */
  countHeader(octets: number): boolean {
    const more = octets - this.#header;
    if (this.#shared.headers + more > this.#shared.total) return false;
    this.#header = octets;
    this.#shared.headers += more;
    this.#shared.used += more;
    return true;
  }

  write(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#count(this.#held.size);
  }

  /** More is held than memory should hold: call `settle` before the next `write`. */
  get full(): boolean {
    const { memory, total, used } = this.#shared;
    return this.#held.size > (this.#file === undefined ? memory : BLOCK) || used > total;
  }

  /** Moves what is held to the file. Throws what the file system throws. */
  async settle(): Promise<void> {
    this.#file ??= await openUnnamed(this.#shared.directory);
    this.#written += await writeAll(this.#file, this.#held.bytes(), this.#written);
    this.#held.clear();
    this.#count(0);
  }

  /** What came in, to be read any number of times until `release`. */
  finish(): Content | Promise<Content> {
    const file = this.#file;
    return file === undefined ? inMemory(this.#held.bytes()) : this.settle().then(() => inFile(file, this.#written));
  }

  release(): Promise<void> | undefined {
    this.#count(0);
    this.countHeader(0);
    const file = this.#file;
    this.#file = undefined;
    return file?.close();
  }

  #count(octets: number): void {
    this.#shared.used += octets - this.#counted;
    this.#counted = octets;
  }
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
