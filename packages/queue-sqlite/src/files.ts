import { randomUUID } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { Refusal } from "@postroad/core";
import type { Stored } from "./messages.ts";
import { fileRefusal } from "./refusals.ts";

/** Bytes that are gathered before they are written, and read at once. */
const PIECE = 256 * 1024;

/** A file that comes into being. */
export interface ContentFile {
  write(chunk: Uint8Array): Promise<void>;
  /** Makes it durable, under its name, and gives that name. */
  finish(): Promise<string>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

export async function createContentFile(folder: string): Promise<ContentFile> {
  // The process that writes it is in the name: what a dead one left is removed at the next start.
  const name = `${process.pid}-${randomUUID()}`;
  const temporary = join(folder, `${name}.tmp`);
  const final = join(folder, `${name}.eml`);
  const handle = await createIn(folder, temporary);
  let gathered: Uint8Array[] = [];
  let size = 0;
  let closed = false;

  async function flush(): Promise<void> {
    const bytes = Buffer.concat(gathered, size);
    gathered = [];
    size = 0;
    await attempt(temporary, writeAll(handle, bytes));
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await handle.close();
  }

  return {
    async write(chunk) {
      gathered.push(chunk);
      size += chunk.byteLength;
      if (size >= PIECE) await flush();
    },
    async finish() {
      await flush();
      await attempt(temporary, handle.sync());
      await attempt(temporary, close());
      await attempt(final, rename(temporary, final));
      await attempt(folder, syncFolder(folder));
      return `${name}.eml`;
    },
    async discard() {
      await close().catch(() => undefined);
      await removeFile(temporary);
      await removeFile(final);
    },
  };
}

async function createIn(folder: string, path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw fileRefusal(error, path);
  }
  await attempt(folder, mkdir(folder, { mode: 0o700, recursive: true }).then(() => syncFolder(dirname(folder))));
  return attempt(path, open(path, "wx", 0o600));
}

async function attempt<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fileRefusal(error, what);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) at += (await handle.write(bytes, at)).bytesWritten;
}

/** A name in a folder survives a power cut only once the folder is synced. Windows cannot, and need not. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes a file that may be gone already. One that cannot be removed is left to the next start. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isCode(error, "ENOENT")) process.emitWarning(`cannot remove ${path}: ${String(error)}`);
  });
}

/** The bytes of a file; fails at the end where they are not those that were written. */
export async function* readFile(path: string, { size, crc }: Pick<Stored, "size" | "crc">): AsyncGenerator<Uint8Array> {
  let [read, sum] = [0, 0];
  const handle = await attempt(path, open(path));
  try {
    for (;;) {
      const { bytesRead, buffer } = await attempt(path, handle.read({ buffer: Buffer.allocUnsafeSlow(PIECE) }));
      if (bytesRead === 0) break;
      const chunk = buffer.subarray(0, bytesRead);
      read += bytesRead;
      sum = crc32(chunk, sum);
      yield chunk;
    }
  } finally {
    await handle.close();
  }
  if (read !== size || sum !== crc) throw damaged(path);
}

export function damaged(what: string): Refusal {
  return new Refusal("4.3.0", `${what}: the content is not what was written`, {
    phase: "store",
    advice: "Check the disk; the mail can be cancelled, or delivered from a backup.",
  });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
