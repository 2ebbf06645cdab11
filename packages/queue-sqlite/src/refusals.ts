import { Refusal } from "@postroad/core";
import { constants } from "node:os";
import type { Failure } from "./messages.ts";

const phase = "store";

/** What the thread reports, as the contract has it thrown. */
export function refusalOf({ status, message, ...rest }: Failure): Refusal {
  return new Refusal(status, message, { phase, ...rest });
}

/** A request that the caller has to mend; nothing was written. */
export function badRequest(message: string): Refusal {
  return new Refusal("4.3.0", message, { phase });
}

/** What went wrong with a file of a content. */
export function fileRefusal(error: unknown, doing: string): Refusal {
  if (error instanceof Refusal) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const full = code === "ENOSPC" || isOverQuota(error);
  const text = error instanceof Error ? error.message : String(error);
  return new Refusal(full ? "4.3.1" : "4.3.0", `${doing}: ${text}`, {
    phase,
    cause: error,
    ...(code !== undefined && { code }),
    ...(full && { advice: "Make room on the disk." }),
  });
}

/** EDQUOT, for which Node has no name. */
function isOverQuota(error: unknown): boolean {
  if (!(error instanceof Error) || !("errno" in error) || typeof error.errno !== "number") return false;
  return -error.errno === constants.errno.EDQUOT;
}
