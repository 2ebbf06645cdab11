import type { Address, Fields, Rules } from "@postroad/core";
import { checkOptions, isFunction, isInteger, isString } from "@postroad/core";
import { alternativesOf, calendarOf } from "./alternative.ts";
import { attachmentsOf } from "./attachment.ts";
import type { CreateOptions, Draft } from "./draft.ts";
import { extraFields, priorityFields } from "./extra-headers.ts";
import type { Issues } from "./issues.ts";
import { kindOf, knownKeys, manyLines, oneLine, recordOf, report, throwIssues } from "./issues.ts";
import { listFields } from "./list.ts";
import { addressList, countMailboxes, mailboxList, reportTooMany } from "./mailboxes.ts";
import { messageId, reference, references } from "./message-id.ts";
import { uniqueId } from "./unique.ts";

/** Options with every gap filled. */
export interface Decisions {
  readonly clock: () => Date;
  readonly random: () => string;
  readonly hostname: string | undefined;
  readonly maxRecipients: number;
}

const KNOWN: Readonly<Record<keyof Draft, true>> = {
  from: true,
  sender: true,
  replyTo: true,
  to: true,
  cc: true,
  bcc: true,
  subject: true,
  text: true,
  html: true,
  attachments: true,
  calendar: true,
  alternatives: true,
  headers: true,
  priority: true,
  list: true,
  inReplyTo: true,
  references: true,
  date: true,
  messageId: true,
  envelope: true,
  id: true,
  meta: true,
};
const NAMES: ReadonlySet<string> = new Set(Object.keys(KNOWN));

/** What other libraries call it. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ["icalEvent", "calendar"],
  ["amp", 'alternatives: [{ type: "text/x-amp-html", content }]'],
  ["raw", "rawMail(bytes)"],
  ["dsn", "envelope.dsn"],
  ["requireTLS", "envelope.requireTls"],
  ["content", "text or html"],
]);

export const DEFAULTS: CreateOptions = {};

const RULES: Rules<CreateOptions> = {
  clock: isFunction,
  random: isFunction,
  hostname: isString,
  maxRecipients: isInteger(1),
};

export function decisions(options: CreateOptions): Decisions {
  if (options !== DEFAULTS) checkOptions("createMessage", options, RULES);
  const { clock = () => new Date(), random = uniqueId, hostname, maxRecipients = 10_000 } = options;
  return { clock, random, hostname, maxRecipients };
}

/** Checks a draft and decides what it leaves open. What is wrong joins `issues`, and the fields are then not for use. */
export function fieldsOf(draft: Draft, token: string, decide: Decisions, issues: Issues): Fields {
  if (recordOf(draft, "an object", "draft", issues) === undefined) throwIssues(issues);
  knownKeys(draft, NAMES, "", issues, HINTS);
  const { maxRecipients } = decide;
  const from = authorsOf(draft.from, maxRecipients, issues);
  const sender = senderOf(draft, from, issues);
  const inReplyTo = draft.inReplyTo === undefined ? undefined : reference(draft.inReplyTo, "inReplyTo", issues);
  const fields: Fields = {
    from,
    ...(sender !== undefined && { sender }),
    replyTo: addressList(draft.replyTo, "replyTo", maxRecipients, issues),
    to: addressList(draft.to, "to", maxRecipients, issues),
    cc: addressList(draft.cc, "cc", maxRecipients, issues),
    bcc: addressList(draft.bcc, "bcc", maxRecipients, issues),
    subject: draft.subject === undefined ? "" : oneLine(draft.subject, "subject", issues),
    date: dateOf(draft.date ?? decide.clock(), issues),
    messageId: messageId(draft.messageId ?? `<${token}@${decide.hostname ?? domainOf(from)}>`, "messageId", issues),
    ...(inReplyTo !== undefined && { inReplyTo }),
    references: references(draft.references ?? inReplyTo ?? [], "references", issues),
    ...(draft.text !== undefined && { text: manyLines(draft.text, "text", issues) }),
    ...(draft.html !== undefined && { html: manyLines(draft.html, "html", issues) }),
    alternatives: [...alternativesOf(draft.alternatives, issues), ...calendarOf(draft.calendar, issues)],
    headers: [
      ...extraFields(draft.headers, issues),
      ...priorityFields(draft.priority, issues),
      ...listFields(draft.list, issues),
    ],
    attachments: attachmentsOf(draft.attachments, issues),
  };
  checkRecipientCount(fields, maxRecipients, issues);
  return fields;
}

function authorsOf(given: unknown, limit: number, issues: Issues): Address[] {
  const isMissing = given === undefined || (Array.isArray(given) && given.length === 0);
  if (isMissing) report(issues, "from", "is missing; every mail has an author", "5.1.7");
  return mailboxList(given, "from", limit, issues);
}

/** A sender who is the one author says nothing new and is left out (RFC 5322 §3.6.2). */
function senderOf(draft: Draft, from: readonly Address[], issues: Issues): Address | undefined {
  if (draft.sender === undefined) {
    const needed = "is missing; with several authors one must send (RFC 5322 §3.6.2)";
    if (from.length > 1) report(issues, "sender", needed, "5.1.7");
    return undefined;
  }
  const [sender, ...others] = mailboxList(draft.sender, "sender", Number.POSITIVE_INFINITY, issues);
  if (others.length > 0) report(issues, "sender", "names several; exactly one sends", "5.1.7");
  const isAuthor = from.length === 1 && from[0]?.address === sender?.address;
  return isAuthor ? undefined : sender;
}

function dateOf(given: unknown, issues: Issues): Date {
  const year = given instanceof Date ? given.getUTCFullYear() : undefined;
  if (given instanceof Date && year !== undefined && year >= 1900 && year <= 9999) return new Date(given);
  if (year === undefined) report(issues, "date", `must be a Date, not ${kindOf(given)}`);
  else if (Number.isNaN(year)) report(issues, "date", "is an invalid Date");
  else report(issues, "date", `is in the year ${year}; 1900 to 9999 can be written`);
  return new Date(0);
}

function domainOf(from: readonly Address[]): string {
  const address = from[0]?.address ?? "";
  return address === "" ? "invalid" : address.slice(address.lastIndexOf("@") + 1);
}

function checkRecipientCount({ to, cc, bcc }: Fields, limit: number, issues: Issues): void {
  const count = countMailboxes(to) + countMailboxes(cc) + countMailboxes(bcc);
  if (count > limit) reportTooMany(count, "to", limit, issues);
}
