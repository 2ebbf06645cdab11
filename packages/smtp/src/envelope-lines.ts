import { Refusal, verdictOf } from "@postroad/core";
import { checkBody, mailCommand, rcptCommand } from "./commands.ts";
import type { Job } from "./job.ts";
import type { ServerLimits } from "./limits.ts";
import type { Timeouts } from "./options.ts";
import type { Session } from "./session.ts";

/** What all transactions of a connection have in common. */
export interface Way {
  readonly session: Session;
  readonly limits: ServerLimits;
  /** Name of the transport. */
  readonly by: string;
  readonly timeouts: Required<Timeouts>;
}

/** The envelope of one transaction as it is said. */
export interface EnvelopeLines {
  readonly lines: readonly string[];
  /** For each RCPT line, which recipient of the mail it names. */
  readonly recipients: readonly number[];
  /** The server announces to take fewer recipients at once than there are (RFC 9422 §4.2). */
  readonly later: boolean;
}

/** The lines for those recipients that can be sent at all; the others are refused one by one. */
export function envelopeOf(job: Job, { session, limits, by }: Way): EnvelopeLines {
  const { mail, paths, body } = job;
  const recipients: number[] = [];
  const lines: string[] = [];
  try {
    checkBody(body, session.capabilities, limits.size);
    lines.push(mailCommand(mail.envelope, paths.from, body, session));
  } catch (error) {
    job.refuse(asRefusal(error));
    return { lines: [], recipients, later: false };
  }
  const fits = limits.transaction();
  let later = false;
  for (const [index, to] of mail.envelope.to.entries()) {
    const path = paths.to[index];
    if (typeof path !== "string" || !job.undecided(index)) continue;
    if (!fits(path)) {
      later = true;
      continue;
    }
    try {
      lines.push(rcptCommand(to, path, session.capabilities));
      recipients.push(index);
    } catch (error) {
      job.decide(index, verdictOf(asRefusal(error), by));
    }
  }
  return { lines: recipients.length === 0 ? [] : lines, recipients, later };
}

/** Thrown here, a bug would end the process: nobody stands between this and the socket. */
function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal("4.3.0", `bug in the SMTP client: ${String(error)}`, { phase: "mail", cause: error });
}
