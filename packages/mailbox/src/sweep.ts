import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "./failure.ts";

/** Milliseconds after which nobody still writes to a file in tmp (https://cr.yp.to/proto/maildir.html). */
const ABANDONED = 36 * 60 * 60 * 1000;
/** Folders whose last sweep is remembered. */
const MOST_KNOWN = 10_000;

/** Removes what crashed deliveries have left in the tmp of a folder; looks once in 36 hours. */
export function sweeper(now: () => number): (folder: string) => Promise<void> {
  const last = new Map<string, number>();
  return async (folder) => {
    const time = now();
    const before = last.get(folder);
    if (before !== undefined && Math.abs(time - before) < ABANDONED) return;
    if (last.size >= MOST_KNOWN) last.clear();
    last.set(folder, time);
    await sweep(join(folder, "tmp"), time - ABANDONED);
  };
}

async function sweep(directory: string, limit: number): Promise<void> {
  try {
    for (const name of await readdir(directory)) {
      if (!name.startsWith(".")) await removeOlder(join(directory, name), limit);
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return;
    // Old files take room, but whoever waits for mail should get it all the same.
    process.emitWarning(`old files in ${directory} cannot be removed: ${String(error)}`, { code: "POSTROAD_MAILBOX_SWEEP" });
  }
}

async function removeOlder(path: string, limit: number): Promise<void> {
  try {
    const { atimeMs, mtimeMs } = await stat(path);
    if (Math.max(atimeMs, mtimeMs) < limit) await unlink(path);
  } catch (error) {
    // Somebody else was faster.
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
