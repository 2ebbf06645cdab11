import type { Deferred, Mail, Outcome, Receipt, Recipient, Schedule } from "@postroad/core";
import { pick } from "@postroad/core";
import type { Policy } from "./options.ts";

/** Whom to send to again, and in how many milliseconds. */
export interface Plan {
  readonly recipients: readonly Recipient[];
  readonly wait: number;
}

/**
 * What to do after `attempt` attempts, or undefined for nothing more. A recipient whose peer asks for more time than
 * is left stays deferred and holds nobody up; for the others the wait is the longest that is asked for.
 */
export function planOf(
  mail: Mail,
  report: Receipt,
  attempt: number,
  elapsed: number,
  schedule: Schedule,
  policy: Policy,
): Plan | undefined {
  const scheduled = schedule(attempt, elapsed);
  if (scheduled === undefined) return undefined;
  const left = policy.budget - Math.max(0, elapsed);
  // A timer of nothing would let attempts follow each other without a turn of the event loop.
  let wait = Math.max(1, scheduled);
  const recipients = pick(mail, report, (outcome) => {
    if (!isDue(outcome, policy)) return false;
    const asked = askedFor(outcome, policy);
    if (asked > left) return false;
    wait = Math.max(wait, asked);
    return true;
  });
  return recipients.length > 0 && wait <= left ? { recipients, wait } : undefined;
}

function isDue(outcome: Outcome, { uncertain }: Policy): outcome is Deferred {
  return outcome.kind === "deferred" && (outcome.uncertain !== true || uncertain === "retry");
}

/** The least wait in milliseconds that the reply calls for. */
function askedFor({ retryAfter, reply, status }: Deferred, { hints }: Policy): number {
  const hint = (reply && hints[`${reply.code} ${status}`]) ?? hints[status] ?? 0;
  return Math.max(hint, retryAfter !== undefined && retryAfter > 0 ? retryAfter : 0);
}
