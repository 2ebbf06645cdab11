import { emitWarning } from "node:process";

/** What a callback of the user throws becomes a warning of the process, never the outcome of a mail. */
export function quietly(name: string, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    emitWarning(`${name} threw: ${error instanceof Error ? error.message : String(error)}`, { type: "PostroadWarning" });
  }
}
