import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Sql } from "./sql.ts";
import { rollBack } from "./sql.ts";

/** After this long, in milliseconds, a file that nothing refers to is left over, whoever wrote it. */
const OLD = 3_600_000;

/**
 * Removes files in the folder that no content refers to: what a process left that died while it added. What a living
 * process writes is left alone, as far as one can see; where one cannot, its `add` notices, and is refused.
 */
export function removeOrphans(sql: Sql, folder: string): void {
  if (!existsSync(folder)) return;
  const files = readdirSync(folder).filter((file) => isLeftOver(join(folder, file), file));
  if (files.length === 0) return;
  // Under the lock of writers: nobody can refer to a file between the look and its removal.
  sql.exec("BEGIN IMMEDIATE");
  try {
    for (const file of files) {
      const used = sql.get("SELECT 1 FROM contents WHERE file = ?", file);
      if (used === undefined) remove(join(folder, file));
    }
  } finally {
    rollBack(sql);
  }
}

/** One that cannot be removed keeps nobody from the mail: it is left to the next start. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    process.emitWarning(`cannot remove ${path}: ${String(error)}`);
  }
}

/** File names start with the id of the process that wrote them. */
function isLeftOver(path: string, file: string): boolean {
  const pid = /^(\d+)-[\w-]+\.(?:eml|tmp)$/.exec(file)?.[1];
  if (pid === undefined) return false;
  if (Number(pid) !== process.pid && !isAlive(Number(pid))) return true;
  const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return changed !== undefined && Date.now() - changed > OLD;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
