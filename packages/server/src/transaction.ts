import type { Recipient } from "@postroad/core";
import { mailboxKey } from "@postroad/core";
import type { MailParameters } from "./parameters.ts";
import type { Pace } from "./pace.ts";
import type { Reception } from "./reception.ts";
import type { Session, Transaction } from "./types.ts";

/** A mail in the making, from MAIL to its end. A class, since there is one for every mail. */
export class OpenTransaction implements Transaction {
  readonly session: Session;
  readonly from: string;
  readonly parameters: MailParameters;
  readonly recipients: Recipient[] = [];
  /** For each RCPT that was accepted, whom it named: LMTP answers each of them. */
  readonly accepted: string[] = [];
  /** Chunks that have come in so far (RFC 3030). */
  chunks: Reception | undefined;
  /** How long they may take, and the commands between them. */
  pace: Pace | undefined;
  readonly #named = new Set<string>();

  constructor(session: Session, from: string, parameters: MailParameters) {
    this.session = session;
    this.from = from;
    this.parameters = parameters;
  }

  get smtputf8(): boolean {
    return this.parameters.smtputf8 === true;
  }

  /** An address named again counts once; what was said of it first holds. */
  add(recipient: Recipient): void {
    const key = mailboxKey(recipient.address);
    this.accepted.push(key);
    if (this.#named.size !== this.#named.add(key).size) this.recipients.push(recipient);
  }
}
