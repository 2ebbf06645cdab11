import { emitWarning } from "node:process";

/** Calls what the user wants called. What it throws becomes a warning of the process, never the outcome of a mail. */
export function notify<T>(name: string, callback: ((event: T) => unknown) | undefined, event: T): void {
  if (callback === undefined) return;
  try {
    const result = callback(event);
    if (result instanceof Promise) result.catch((error: unknown) => warn(name, error));
  } catch (error) {
    warn(name, error);
  }
}

/** What the user's function threw, as a warning of the process. */
export function warn(name: string, error: unknown): void {
  emitWarning(`${name} threw: ${error instanceof Error ? error.message : String(error)}`, { type: "PostroadWarning" });
}
