import type { Mail, Outcome, Recipient } from "@postroad/core";
import { mailboxKey } from "@postroad/core";
import type { Action } from "./options.ts";

/** A recipient and what became of it. */
export interface Reported {
  readonly recipient: Recipient;
  readonly outcome: Outcome;
}

/** Who is reported on, in the order of the envelope: those with an outcome, where their NOTIFY allows it. */
export function reportedOn(mail: Mail, outcomes: readonly Outcome[], action: Action): readonly Reported[] {
  const latest = new Map(outcomes.map((outcome) => [mailboxKey(outcome.recipient), outcome]));
  return mail.envelope.to.flatMap((recipient) => {
    const outcome = latest.get(mailboxKey(recipient.address));
    return outcome !== undefined && isDue(recipient, action) ? [{ recipient, outcome }] : [];
  });
}

const WANTED = { failed: "failure", delayed: "delay", delivered: "success", relayed: "success" } as const;

/** RFC 3461 §4.1 and §6.2: who says nothing hears of failure and delay; success is told to who asks for it. */
function isDue({ notify }: Recipient, action: Action): boolean {
  if (notify === "never") return false;
  return saysNothing(notify) ? WANTED[action] !== "success" : notify.includes(WANTED[action]);
}

/** Has the sender left it to us what to report? */
export function isLeftToUs({ recipient }: Reported): boolean {
  return saysNothing(recipient.notify);
}

function saysNothing(notify: Recipient["notify"]): notify is undefined {
  return notify === undefined || notify.length === 0;
}
