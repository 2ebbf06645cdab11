import type { Mail, Receipt, Recipient, Send, SendOptions } from "@postroad/core";
import { mailboxKey, merge, narrow, transport } from "@postroad/core";

/**
 * Names the lane of a recipient: what is limited by itself. A mail whose recipients are in several lanes is sent once
 * for each, to the recipients in it, all lanes at once.
 */
export type Lane = (recipient: Recipient, mail: Mail) => string;

/** One lane for each domain that mail goes to. */
export const byDomain: Lane = ({ address }) => {
  const key = mailboxKey(address);
  return key.slice(key.lastIndexOf("@") + 1);
};

/** Sends the part of a mail that is in one lane. */
type SendPart<M extends Mail> = (part: M, options: SendOptions, lane: string) => Promise<Receipt>;

/** Sends by lanes, in the name of `by`. Without `lane` all mail is in one, named "". */
export function perLane<M extends Mail>(by: string, lane: Lane | undefined, send: SendPart<M>): Send<M> {
  if (lane === undefined) return (mail, options) => send(mail, options, "");
  return async (mail, options) => {
    const [first, ...rest] = [...partsOf(mail, lane)];
    if (first === undefined) return merge(mail);
    if (rest.length === 0) return send(mail, options, first[0]);
    const sends = [first, ...rest].map(([key, to]) => {
      // What one lane throws is the verdict on that lane alone.
      const part = transport<M>(by, (narrowed, how) => send(narrowed, how, key));
      return part.send(narrow(mail, to), options);
    });
    return merge(mail, ...(await Promise.all(sends)));
  };
}

function partsOf(mail: Mail, lane: Lane): ReadonlyMap<string, readonly Recipient[]> {
  const parts = new Map<string, Recipient[]>();
  for (const recipient of mail.envelope.to) {
    const key = lane(recipient, mail);
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [recipient]);
    else part.push(recipient);
  }
  return parts;
}
