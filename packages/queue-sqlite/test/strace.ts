import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Can system calls be traced here? */
export const canTrace: boolean = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;

const child = join(import.meta.dirname, "fault-child.ts");

/** What the child said, and how it ended. */
export interface Told {
  readonly added: readonly string[];
  /** Key, status and whether it is uncertain. */
  readonly refused: readonly { readonly key: string; readonly status: string; readonly uncertain: boolean }[];
  readonly reachedEnd: boolean;
  readonly trace: string;
}

/** Runs the child under strace with these arguments; it adds `count` mails to the database at `path`. */
export async function traced(path: string, count: number, args: readonly string[]): Promise<Told> {
  const trace = `${path}.trace`;
  const program = [process.execPath, "-C", "@postroad/source", child, path, String(count)];
  const running = spawn("strace", [...(args.includes("-f") ? [] : ["-f"]), "-o", trace, ...args, ...program], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(running, "exit");
  const [out, errors] = await Promise.all([text(running.stdout), text(running.stderr), ended]);
  if (errors.includes("strace:")) throw new Error(errors);
  const lines = out.split("\n").map((line) => line.split(" "));
  return {
    added: lines.flatMap(([what, key = ""]) => (what === "added" ? [key] : [])),
    refused: lines.flatMap(([what, key = "", status = "", uncertain]) =>
      what === "refused" ? [{ key, status, uncertain: uncertain === "true" }] : [],
    ),
    reachedEnd: lines.some(([what]) => what === "end"),
    trace: await readFile(trace, "utf8"),
  };
}
