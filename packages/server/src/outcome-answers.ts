import type { Accepted, Deferred, ForAll, Mail, Outcome, Receipt, Rejected } from "@postroad/core";
import { deliveryReport } from "@postroad/bounce";
import { mailboxKey } from "@postroad/core";
import type { Settings } from "./options.ts";
import type { Answer } from "./reply.ts";
import { answer, refusalAnswer } from "./reply.ts";

type Refused = Deferred | Rejected;

/** Recipients that a reply names. */
const SHOWN = 50;

/** The verdict on a mail where a fault of our own came in between. */
export const ownFault: ForAll<Deferred> = { kind: "deferred", status: "4.3.0", by: "server", message: "local error" };

/** One answer for each recipient that was accepted, in order (RFC 2033 §4.2). */
export function answersFor(accepted: readonly string[], report: Receipt): readonly Answer[] {
  const known = new Map(report.outcomes.map((outcome) => [mailboxKey(outcome.recipient), outcome]));
  return accepted.map((key) => outcomeAnswer(known.get(key) ?? { ...ownFault, recipient: key }, report.mail));
}

/**
 * One answer for all. Where the transport took some recipients and not others, no answer is true: 250 would lose
 * mail, 4xx would have the client send everything again, to those who have it too. So the sender is told of the others by
 * mail, and the client hears 250; or, where that cannot be, the client hears 554 and who has it and who has not.
 */
export function answerFor(mail: Mail, report: Receipt, settings: Settings, onFault: (error: unknown) => void): Answer | Promise<Answer> {
  const refused = report.outcomes.filter(isRefused);
  const accepted = report.outcomes.find(isAccepted);
  if (refused.length > 0 && accepted !== undefined) return answerForSome(mail, accepted, refused, settings, onFault);
  return outcomeAnswer(worst(refused) ?? accepted ?? { ...ownFault, recipient: "" }, mail.id);
}

async function answerForSome(mail: Mail, accepted: Accepted, refused: readonly Refused[], settings: Settings, onFault: (error: unknown) => void): Promise<Answer> {
  if (await bounced(mail, refused, settings, onFault)) return outcomeAnswer(accepted, mail.id);
  const names = refused.slice(0, SHOWN).map(({ recipient, status, message }) => `<${recipient}> ${status} ${message}`);
  const more = refused.length > SHOWN ? [`and ${refused.length - SHOWN} more`] : [];
  return answer(554, "5.5.0", ["some recipients have it, do not send it to them again; these have not:", ...names, ...more]);
}

/** While somebody may still get it, nobody is given up. */
function worst(refused: readonly Refused[]): Refused | undefined {
  return refused.find(({ kind }) => kind === "deferred") ?? refused[0];
}

/** Is the sender told, or does not want to be? Then the recipients in `refused` are done with. */
async function bounced(mail: Mail, refused: readonly Refused[], settings: Settings, onFault: (error: unknown) => void): Promise<boolean> {
  const { bounce, hostname, clock } = settings;
  if (bounce === undefined || mail.envelope.from === "") return false;
  try {
    const report = await deliveryReport({ mail, outcomes: refused, action: "failed", reportingMta: hostname, now: clock });
    if (report === undefined) return true;
    const { outcomes } = await bounce.send(report);
    return outcomes.every(isAccepted);
  } catch (error) {
    onFault(error);
    return false;
  }
}

function outcomeAnswer(outcome: Outcome, id: string): Answer {
  if (isRefused(outcome)) return refusalAnswer(outcome);
  return answer(250, outcome.status, `queued as ${outcome.ref ?? id}`);
}

function isAccepted(outcome: Outcome): outcome is Accepted {
  return outcome.kind === "accepted";
}

function isRefused(outcome: Outcome): outcome is Refused {
  return outcome.kind !== "accepted";
}
