import { execFile } from "node:child_process";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A file system of its own. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes all the room there is, but for so many octets. */
  fill(left?: number): Promise<void>;
  /** Gives it back. */
  makeRoom(): Promise<void>;
}

/** One of so many megabytes, in memory; or why there is none. */
export async function smallDisk(megabytes: number): Promise<SmallDisk | string> {
  const folder = await mkdtemp(join(tmpdir(), "postroad-disk-"));
  const path = join(folder, "disk");
  const filler = join(path, "filler");
  await mkdir(path);
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path]);
  } catch (error) {
    await rm(folder, { recursive: true });
    return `needs root and mount: ${error instanceof Error ? (error.message.split("\n")[1] ?? error.message) : String(error)}`;
  }
  return {
    path,
    async fill(left = 0) {
      await using file = await open(filler, "a");
      for (const size of [64 * 1024, 4096]) while (await hasWritten(file.write(Buffer.alloc(size)))) continue;
      const { size } = await file.stat();
      await file.truncate(size - left);
    },
    makeRoom: () => rm(filler),
    async [Symbol.asyncDispose]() {
      await run("umount", ["--lazy", path]);
      await rm(folder, { recursive: true });
    },
  };
}

/** False where there is no room. */
async function hasWritten(writing: Promise<unknown>): Promise<boolean> {
  try {
    await writing;
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}
