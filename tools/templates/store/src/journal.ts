import { Refusal } from "@postroad/core";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** A file to which lines are appended, each synced before it counts. To be replaced by the transactions of your database. */
export interface Journal extends AsyncDisposable {
  /** The lines that were there when it was opened. */
  readonly lines: readonly string[];
  /** Resolves once the lines are on disk; refuses where they are not. */
  append(lines: readonly string[]): Promise<void>;
}

export async function openJournal(path: string): Promise<Journal> {
  await mkdir(dirname(path), { recursive: true });
  await lock(`${path}.lock`);
  const file = await open(path, "a+");
  await syncFolder(dirname(path));
  const text = await file.readFile("utf8");
  // What a process wrote last before it died may be half a line; nobody was told of it.
  let size = Buffer.byteLength(text.slice(0, text.lastIndexOf("\n") + 1));
  await file.truncate(size);
  return {
    lines: text.split("\n").slice(0, -1),
    async append(lines) {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      try {
        await file.appendFile(bytes);
        await file.sync();
        size += bytes.byteLength;
      } catch (cause) {
        await file.truncate(size);
        throw refusalOf(cause, path);
      }
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      await rm(`${path}.lock`, { force: true });
    },
  };
}

/** A new file survives a power cut only once the folder that lists it is synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** One process at a time: a second would not see what the first writes. */
async function lock(path: string): Promise<void> {
  try {
    await writeFile(path, String(process.pid), { flag: "wx" });
  } catch (cause) {
    const owner = Number(await readFile(path, "utf8").catch(() => "0"));
    if (owner > 0 && isAlive(owner)) {
      throw new Refusal("4.3.0", `${path} says that process ${owner} has the file open`, { cause });
    }
    await writeFile(path, String(process.pid));
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function refusalOf(cause: unknown, path: string): Refusal {
  const full = cause instanceof Error && "code" in cause && cause.code === "ENOSPC";
  return new Refusal(full ? "4.3.1" : "4.3.0", `${path} cannot be written`, { cause, uncertain: true });
}
