import { emitWarning } from "node:process";

/** Calls what the user wants called. What it throws becomes a warning of the process, never the outcome of a mail. */
export function notify<T>(name: string, callback: ((event: T) => void) | undefined, event: T): void {
  try {
    callback?.(event);
  } catch (error) {
    emitWarning(`${name} threw: ${error instanceof Error ? error.message : String(error)}`, { type: "PostroadWarning" });
  }
}
