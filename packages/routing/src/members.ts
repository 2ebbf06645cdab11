import type { Mail, Outcome, Receipt, Send, SendOptions, Transport } from "@postroad/core";
import { merge, narrow } from "@postroad/core";
import { rememberDoubts } from "./doubts.ts";
import type { Health, Sign } from "./health.ts";

/** What one member said, over the part of the mail it was given. */
export interface Answer {
  readonly report: Receipt;
  readonly sign: Sign;
}

/** Sends to one of the members, and takes in what that shows. */
export type Ask<M extends Mail> = (member: Transport<M>, mail: M, options: SendOptions) => Promise<Answer>;

/**
 * A `send` for composites that choose among their members: `choose` gets the recipients that may go anywhere; those in
 * doubt go to the member that may have them, and stay in doubt until it accepts or rejects.
 */
export function choosing<M extends Mail>(
  health: Health,
  choose: (mail: M, options: SendOptions, ask: Ask<M>) => Promise<Receipt>,
): Send<M> {
  const doubts = rememberDoubts<M>();

  async function ask(member: Transport<M>, mail: M, options: SendOptions): Promise<Answer> {
    const tell = health.begin(member, mail);
    let report: Receipt | undefined;
    let sign: Sign = "nothing";
    try {
      report = await member.send(mail, options);
      doubts.note(mail, member, report);
    } finally {
      // What comes after an abort shows nothing of the transport.
      sign = tell(options.signal?.aborted === true ? undefined : report);
    }
    return { report, sign };
  }

  return async (mail, options) => {
    const where = doubts.of(mail);
    if (where === undefined) return choose(mail, options, ask);
    const parts = [...where.bound].map(async ([member, to]) => {
      const part = narrow(mail, to);
      return inDoubt(merge(part, (await ask(member, part, options)).report));
    });
    if (where.free.length > 0) {
      const part = narrow(mail, where.free);
      parts.push(choose(part, options, ask).then((report) => merge(part, report)));
    }
    return merge(mail, ...(await Promise.all(parts)));
  };
}

function inDoubt(report: Receipt): Receipt {
  const outcomes = report.outcomes.map(
    (outcome): Outcome => (outcome.kind === "deferred" ? { ...outcome, uncertain: true } : outcome),
  );
  return { ...report, outcomes };
}
