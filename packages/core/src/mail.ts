import type { Content } from "./content.ts";
import { ConfigError } from "./errors.ts";

/** One mailbox this mail is for, as the envelope names it. */
export interface Recipient {
  /** The forward-path without angle brackets, e.g. `ann@example.net`. The local part is kept as written. */
  readonly address: string;
  /** Which reports the sender wants for this recipient (RFC 3461 §4.1, `NOTIFY=`). */
  readonly notify?: "never" | readonly ("success" | "failure" | "delay")[];
  /** The address the sender first named (RFC 3461 §4.2, `ORCPT=`), as `rfc822;address` or `utf-8;address`. */
  readonly originalRecipient?: string;
}

/** Who sends and who receives, apart from what the header says (RFC 5321 §2.3.1). */
export interface Envelope {
  /** The reverse-path: where reports go. `""` is the null reverse-path `<>`. */
  readonly from: string;
  /** At least one, no address twice. Receipts list outcomes in this order. */
  readonly to: readonly Recipient[];
  /** An address or a header field holds UTF-8 (RFC 6531), so every hop must support SMTPUTF8. */
  readonly smtputf8?: boolean;
  /** Never travel without verified TLS, even if that means not at all (RFC 8689). */
  readonly requireTls?: boolean;
  /** Options for delivery status notifications (RFC 3461 §4.3 `RET=`, §4.4 `ENVID=`). */
  readonly dsn?: { readonly ret?: "full" | "hdrs"; readonly envid?: string };
  /** Not to be delivered before this: milliseconds since 1970 (RFC 4865, `HOLDUNTIL=`). */
  readonly holdUntil?: number;
  /** -9 to 9, the higher the sooner (RFC 6710, `MT-PRIORITY=`). */
  readonly priority?: number;
  /** When delivery is pointless, and what to do then: return it, or go on and tell the sender (RFC 2852, `BY=`). */
  readonly deliverBy?: { readonly at: number; readonly mode: "return" | "notify" };
}

/** What travels: an envelope and final bytes. Plain, immutable data. */
export interface Mail {
  /** Key of the log, the queue and idempotency. Never changes, whatever wraps or narrows the mail. */
  readonly id: string;
  readonly envelope: Envelope;
  readonly content: Content;
  /** Notes for the way (traceparent, tenant, stream). Survives a queue, is never on the wire. */
  readonly meta: Readonly<Record<string, string>>;
}

/** An envelope from addresses: an address given twice (domain in any case) is kept once, an empty list is refused. */
export function envelope(
  from: string,
  to: readonly (string | Recipient)[],
  rest: Omit<Envelope, "from" | "to"> = {},
): Envelope {
  const recipients = new Map<string, Recipient>();
  for (const given of to) {
    const recipient = typeof given === "string" ? { address: given } : given;
    const key = mailboxKey(recipient.address);
    if (!recipients.has(key)) recipients.set(key, recipient);
  }
  if (recipients.size === 0) {
    throw new ConfigError("envelope", [{ path: "to", message: "is empty; an envelope needs at least one recipient" }]);
  }
  return { ...rest, from, to: [...recipients.values()] };
}

/** The same mail for fewer recipients: id, bytes and meta stay. */
export function narrow<M extends Mail>(mail: M, to: readonly Recipient[]): M {
  return to === mail.envelope.to ? mail : { ...mail, envelope: { ...mail.envelope, to } };
}

/** The same mail with other bytes. What described the old bytes (`fields` of a Message) is dropped. */
export function reseal(mail: Mail, content: Content): Mail {
  return { id: mail.id, envelope: mail.envelope, content, meta: mail.meta };
}

/** Equal for two spellings of one mailbox: domains ignore case, local parts do not (RFC 5321 §2.4). */
export function mailboxKey(address: string): string {
  const at = address.lastIndexOf("@");
  return at === -1 ? address : address.slice(0, at) + address.slice(at).toLowerCase();
}
