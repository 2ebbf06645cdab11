import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sourceCondition } from "./exports.ts";

/** The folders below `parent` that have a main.ts, sorted. */
export async function entriesOf(parent: string): Promise<readonly string[]> {
  if (!existsSync(parent)) return [];
  return (await readdir(parent)).filter((name) => existsSync(join(parent, name, "main.ts"))).toSorted();
}

/**
 * Runs `<parent>/<name>/main.ts` from source, with this process's streams and the arguments after the name; gives
 * its exit code. Without a name it lists the names there are; an unknown one is code 2.
 */
export async function runEntry(parent: string, [name, ...rest]: readonly string[]): Promise<number> {
  const names = await entriesOf(parent);
  if (name === undefined) {
    console.log(names.length === 0 ? "there are none yet" : names.join("\n"));
    return 0;
  }
  if (!names.includes(name)) {
    console.error(`"${name}" is none of: ${names.join(", ")}`);
    return 2;
  }
  const args = ["-C", sourceCondition, join(parent, name, "main.ts"), ...rest];
  const child = spawn(process.execPath, args, { stdio: "inherit" });
  const [code, signal]: unknown[] = await once(child, "close");
  if (typeof signal === "string") console.error(`${name} ended by ${signal}`);
  return typeof code === "number" ? code : 1;
}
