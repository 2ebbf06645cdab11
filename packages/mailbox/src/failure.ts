import type { Status } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { constants } from "node:os";

/** The platform's name for what went wrong, e.g. `ENOSPC`. Node has none for a quota of the file system that is used up. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof Error && "errno" in error && error.errno === -constants.errno.EDQUOT) return "EDQUOT";
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

const FULL = "Make room on the disk of the mailboxes, or raise the limit of its user.";
const ADVICE: ReadonlyMap<string, readonly [status: Status<4>, advice: string]> = new Map([
  ["ENOSPC", ["4.3.1", FULL]],
  // Of one user's, while others may have room.
  ["EDQUOT", ["4.2.2", FULL]],
  ["EFBIG", ["4.2.2", FULL]],
  ["EACCES", ["4.3.0", "Let the user of this process write to the mailboxes."]],
  ["EPERM", ["4.3.0", "Let the user of this process write to the mailboxes; only root may give files to others."]],
  ["EROFS", ["4.3.0", "The disk of the mailboxes can only be read. Check it and mount it anew."]],
  ["EIO", ["4.3.0", "The disk of the mailboxes fails. Check it."]],
  ["ENOENT", ["4.3.0", "The root of the mailboxes is not there. Create it, or mount its disk."]],
  ["ENOTDIR", ["4.3.0", "A file stands where a mailbox should be. Move it away."]],
  ["EMFILE", ["4.3.0", "This process has too many files open. Raise its limit, or lower concurrency."]],
]);

/** A failure of the disk as a Refusal: always temporary, since it says nothing about the mail. */
export function diskRefusal(error: unknown, phase: string): Refusal {
  if (error instanceof Refusal) return error;
  const code = codeOf(error) ?? "";
  const [status, advice] = ADVICE.get(code) ?? (["4.3.0", undefined] as const);
  return new Refusal(status, `the mail could not be stored: ${code === "" ? "an unknown error" : code}`, {
    phase,
    ...(code !== "" && { code }),
    ...(advice !== undefined && { advice }),
    cause: error,
  });
}

/** Nothing of the mail is visible yet. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortion();
}

export function abortion(): Refusal {
  return new Refusal("4.3.2", "aborted before the mail was delivered", { phase: "abort" });
}
