import type { Envelope } from "@postroad/core";
import type { EnvelopeInput } from "./draft.ts";
import type { Issues } from "./issues.ts";
import { isRecord, knownKeys, report } from "./issues.ts";

const DELIVER_BY: ReadonlySet<string> = new Set(["at", "mode"]);

/** When to deliver, and how urgently: the parts of an envelope that some servers act on. */
export function deliveryTimes(given: EnvelopeInput, issues: Issues): Pick<Envelope, "holdUntil" | "priority" | "deliverBy"> {
  const { holdUntil, priority, deliverBy } = given;
  return {
    ...(holdUntil !== undefined && { holdUntil: timeOf(holdUntil, "envelope.holdUntil", issues) }),
    ...(priority !== undefined && { priority: priorityOf(priority, issues) }),
    ...(deliverBy !== undefined && { deliverBy: deliverByOf(deliverBy, issues) }),
  };
}

function timeOf(given: unknown, path: string, issues: Issues): number {
  if (given instanceof Date && !Number.isNaN(given.getTime())) return given.getTime();
  report(issues, path, "must be a valid Date");
  return 0;
}

function priorityOf(given: unknown, issues: Issues): number {
  if (typeof given === "number" && Number.isInteger(given) && Math.abs(given) <= 9) return given;
  report(issues, "envelope.priority", "must be a whole number from -9 to 9");
  return 0;
}

function deliverByOf(given: unknown, issues: Issues): NonNullable<Envelope["deliverBy"]> {
  const { at, mode = "return" } = isRecord(given) ? given : {};
  if (isRecord(given)) knownKeys(given, DELIVER_BY, "envelope.deliverBy", issues);
  if (mode !== "return" && mode !== "notify") report(issues, "envelope.deliverBy.mode", `must be "return" or "notify"`);
  return { at: timeOf(at, "envelope.deliverBy.at", issues), mode: mode === "notify" ? mode : "return" };
}
