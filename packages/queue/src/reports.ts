import type { Deferred, Mail, Outcome, Receipt, Recipient } from "@postroad/core";
import { mailboxKey } from "@postroad/core";
import type { Action } from "@postroad/bounce";
import { MessageError, deliveryReport } from "@postroad/bounce";
import type { Policy } from "./drain-options.ts";

/** What came of a report: it is on its way, none was due, later perhaps, or never. */
export interface Reported {
  readonly kind: "sent" | "none" | "later" | "refused";
  readonly report?: string;
  readonly reason?: string;
}

export interface ReportRequest {
  /** As it was queued; may throw where it cannot be read. */
  readonly mail: () => Mail;
  readonly action: Exclude<Action, "delivered">;
  readonly recipients: readonly Recipient[];
  readonly outcomes: readonly Outcome[];
  readonly arrivedAt: number;
  readonly willRetryUntil?: number;
}

/**
 * Writes one report and sends it. `send` gives undefined where that takes too long. The same report has the same id each time, so that a queue takes it once, also where
 * this process dies before it could note that it is sent.
 */
export async function sendReport(
  send: (report: Mail) => Promise<Receipt | undefined>,
  request: ReportRequest,
  { clock, reportingMta }: Policy,
): Promise<Reported> {
  try {
    const { recipients, action, outcomes, arrivedAt, willRetryUntil } = request;
    const mail = request.mail();
    const report = await deliveryReport({
      mail: { ...mail, envelope: { ...mail.envelope, to: recipients } },
      outcomes,
      action,
      reportingMta,
      arrivedAt,
      lastAttemptAt: clock.now(),
      ...(willRetryUntil !== undefined && { willRetryUntil }),
      meta: notesFor(mail.meta),
      now: () => clock.now(),
    });
    if (report === undefined) return { kind: "none", reason: "nobody wants to know" };
    const answer = await send(report);
    if (answer === undefined) return { kind: "later", reason: "the report did not settle", report: report.id };
    return { ...kindOf(answer.outcomes), report: report.id };
  } catch (error) {
    // No header holds the sender's address, and none ever will.
    const kind = error instanceof MessageError ? "refused" : "later";
    return { kind, reason: `the report could not be written: ${error instanceof Error ? error.message : "not an Error"}` };
  }
}

function kindOf(answers: readonly Outcome[]): Reported {
  const failed = answers.find((outcome) => outcome.kind !== "accepted");
  if (failed === undefined) return { kind: "sent" };
  const reason = `the report was ${failed.kind}: ${failed.status} ${failed.message}`;
  return { kind: failed.kind === "deferred" ? "later" : "refused", reason };
}

/** The report has the notes of its mail (tenant, trace), but for those that say how to treat that. */
function notesFor(meta: Mail["meta"]): Mail["meta"] {
  return Object.fromEntries(Object.entries(meta).filter(([key]) => !key.startsWith("postroad.")));
}

/** For each recipient what is to be told of the delay: what was said last, or that it waits. */
export function delaysOf(to: readonly Recipient[], last: readonly Deferred[], by: string, reason: Deferred | undefined): readonly Deferred[] {
  const said = new Map(last.map((outcome) => [mailboxKey(outcome.recipient), outcome]));
  return to.map(({ address }): Deferred => {
    const known = said.get(mailboxKey(address)) ?? reason;
    if (known !== undefined) return { ...known, recipient: address };
    return { kind: "deferred", status: "4.4.7", recipient: address, by, message: "it waits for its turn" };
  });
}
