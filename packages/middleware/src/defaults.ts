import type { Address, ConfigIssue, Message, Rewrite, Rules } from "@postroad/core";
import { checkOptions, ConfigError, isObject, wrap } from "@postroad/core";
import type { HeaderField } from "./header.ts";
import { withChanges, withFields } from "./header.ts";
import { formatMailbox, mailboxOf } from "./mailbox.ts";

export interface DefaultsOptions {
  /** Author of messages that have none: an address with or without a name. `createMessage` makes no such message. */
  readonly from?: string | Address;
  /** Where answers go to, for messages that do not say so. */
  readonly replyTo?: string | Address;
  /** Header fields for every message that does not have them: name and value, in printable ASCII. */
  readonly headers?: Readonly<Record<string, string>>;
}

const ADDRESS = 'must be an address, such as "Ann <ann@example.net>", with what is before the @ in ASCII and the domain as A-label';

function isMailbox(value: unknown): string | undefined {
  return mailboxOf(value) === undefined ? ADDRESS : undefined;
}

const rules: Rules<DefaultsOptions> = { from: isMailbox, replyTo: isMailbox, headers: isObject };

/** Printable ASCII but for the colon (RFC 5322 §2.2). */
const NAME = /^[!-9;-~]{1,76}$/;
const VALUE = /^[!-~](?:[ -~]*[!-~])?$/;
const LONGEST_WORD = 900;

/** What a message has decided by the time it is sent, or what describes its bytes. */
const OWNED =
  /^(?:from|sender|reply-to|to|cc|bcc|subject|date|message-id|in-reply-to|references|return-path|received|mime-version|content-.+|dkim-signature|arc-.+|resent-.+)$/i;

/**
 * Adds to every message what it does not have: Reply-To, header fields such as `X-Environment` or `Organization`, and
 * From, for messages of other makers than `createMessage`. The envelope stays. Put it before what signs.
 */
export function defaults(options: DefaultsOptions): Rewrite<Message> {
  checkOptions("defaults", options, rules);
  const [from, replyTo] = [mailboxOf(options.from), mailboxOf(options.replyTo)];
  const headers = Object.entries(options.headers ?? {});
  const issues = headers.flatMap(([name, value]) => issueOf(name, value));
  if (issues.length > 0) throw new ConfigError("defaults", issues);

  function complete(message: Message): Message {
    const author = message.fields.from.length === 0 ? mailboxes("From", from) : undefined;
    const answers = message.fields.replyTo.length === 0 ? mailboxes("Reply-To", replyTo) : undefined;
    const changes = { ...(author && { from: author.addresses }), ...(answers && { replyTo: answers.addresses }) };
    const added = [author, answers].flatMap((one) => (one === undefined ? [] : [one.field]));
    return withFields(withChanges(message, changes, added), headers);
  }

  return (next) => wrap("defaults", next, (message, sending) => next.send(complete(message), sending));
}

interface Mailboxes {
  readonly addresses: readonly Address[];
  readonly field: HeaderField;
}

function mailboxes(name: string, address: Address | undefined): Mailboxes | undefined {
  return address === undefined ? undefined : { addresses: [address], field: [name, formatMailbox(address)] };
}

function issueOf(name: string, value: unknown): readonly ConfigIssue[] {
  const path = `headers.${name.slice(0, 40)}`;
  if (!NAME.test(name)) return [{ path: "headers", message: `${JSON.stringify(name.slice(0, 40))} is no field name` }];
  if (OWNED.test(name)) return [{ path, message: "is decided by the message; give it to createMailer or the draft" }];
  const isValue = typeof value === "string" && VALUE.test(value);
  if (!isValue) return [{ path, message: "must be printable ASCII, without space at its ends" }];
  if (value.split(" ").some(({ length }) => length > LONGEST_WORD)) {
    return [{ path, message: `has a word of over ${LONGEST_WORD} characters, which no line can hold` }];
  }
  return [];
}
