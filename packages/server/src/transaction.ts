import type { Recipient } from "@postroad/core";
import { mailboxKey } from "@postroad/core";
import type { MailParameters } from "./parameters.ts";
import type { Reception } from "./reception.ts";
import type { Session, Transaction } from "./types.ts";

/** A mail in the making, from MAIL to its end. */
export interface OpenTransaction extends Transaction {
  readonly parameters: MailParameters;
  readonly recipients: readonly Recipient[];
  /** For each RCPT that was accepted, whom it named: LMTP answers each of them. */
  readonly accepted: readonly string[];
  /** An address named again counts once; what was said of it first holds. */
  add(recipient: Recipient): void;
  /** Chunks that have come in so far (RFC 3030). */
  chunks: Reception | undefined;
}

export function openTransaction(session: Session, from: string, parameters: MailParameters): OpenTransaction {
  const recipients = new Map<string, Recipient>();
  const accepted: string[] = [];
  return {
    session,
    from,
    parameters,
    smtputf8: parameters.smtputf8 === true,
    get recipients() {
      return [...recipients.values()];
    },
    accepted,
    add(recipient) {
      const key = mailboxKey(recipient.address);
      accepted.push(key);
      if (!recipients.has(key)) recipients.set(key, recipient);
    },
    chunks: undefined,
  };
}
