import type { Mail, Outcome, Receipt, Send, SendOptions, Transport } from "@postroad/core";
import { Refusal, merge, narrow, receipt, verdictOf } from "@postroad/core";
import { doubtsAmong, traceable } from "./doubts.ts";
import type { Health, Sign } from "./health.ts";
import { sendTo } from "./several.ts";

/** What one member said, over the part of the mail it was given. */
export interface Answer {
  readonly report: Receipt;
  readonly sign: Sign;
}

/** Sends to one of the members, and takes in what that shows. */
export type Ask<M extends Mail> = (member: Transport<M>, mail: M, options: SendOptions) => Promise<Answer>;

/**
 * A `send` for composites that choose among their members: `choose` gets the recipients that may go anywhere; those in
 * doubt go to the member that may have them, and stay in doubt until it accepts or rejects. Where that is no member,
 * they go nowhere.
 */
export function choosing<M extends Mail>(
  name: string,
  members: readonly Transport<M>[],
  health: Health,
  choose: (mail: M, options: SendOptions, ask: Ask<M>) => Promise<Receipt>,
): Send<M> {
  const doubts = doubtsAmong(members);

  async function ask(member: Transport<M>, mail: M, options: SendOptions): Promise<Answer> {
    const tell = health.begin(member, mail);
    const report = traceable(member, await sendTo(member, mail, options));
    doubts.note(mail, member, report);
    // What comes after an abort shows nothing of the transport.
    return { report, sign: tell(options.signal?.aborted === true ? undefined : report) };
  }

  return async (mail, options) => {
    const where = doubts.of(mail);
    if (where === undefined) return choose(mail, options, ask);
    const parts = [...where.bound].map(async ([member, to]) => inDoubt((await ask(member, narrow(mail, to), options)).report));
    if (where.free.length > 0) parts.push(chooseFor(narrow(mail, where.free), options));
    return merge(mail, { mail: mail.id, outcomes: where.lost }, ...(await Promise.all(parts)));
  };

  /** A choice that fails must not take along what those in doubt were told. */
  async function chooseFor(part: M, options: SendOptions): Promise<Receipt> {
    try {
      return await choose(part, options, ask);
    } catch (error) {
      if (error instanceof Refusal) return receipt(part, verdictOf(error, name));
      throw error;
    }
  }
}

function inDoubt(report: Receipt): Receipt {
  const outcomes = report.outcomes.map(
    (outcome): Outcome => (outcome.kind === "deferred" ? { ...outcome, uncertain: true } : outcome),
  );
  return { ...report, outcomes };
}
