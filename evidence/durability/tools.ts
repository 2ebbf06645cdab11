import { execFile } from "node:child_process";
import { promisify } from "node:util";

export const run = promisify(execFile);

/** Why system calls cannot be traced here, if so. */
export async function withoutStrace(): Promise<string | undefined> {
  try {
    await run("strace", ["-o", "/dev/null", "true"]);
    return undefined;
  } catch (error) {
    return `strace is not installed or not allowed: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
  }
}
