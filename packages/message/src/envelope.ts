import type { Address, Envelope, Fields, Group, Recipient } from "@postroad/core";
import { envelope } from "@postroad/core";
import { checkMailbox, needsSmtputf8, parseAddresses } from "./address.ts";
import { deliveryTimes } from "./delivery-times.ts";
import type { EnvelopeInput } from "./draft.ts";
import { headerKind } from "./extra-headers.ts";
import type { Issues } from "./issues.ts";
import { collect, flag, isRecord, kindOf, knownKeys, oneLine, recordOf, report } from "./issues.ts";
import { mailboxList, mailboxesOf, reportTooMany } from "./mailboxes.ts";

const KNOWN: ReadonlySet<string> = new Set(["from", "to", "dsn", "requireTls", "holdUntil", "priority", "deliverBy"]);
const DSN: ReadonlySet<string> = new Set(["notify", "ret", "envid"]);
const NAMES_RECIPIENTS = /^(?:to|cc|bcc|envelope)\b/;
const EVENTS: ReadonlySet<unknown> = new Set(["success", "failure", "delay"]);

/** The envelope that the header implies: sender or else first author, and everybody in to, cc and bcc. */
export function impliedEnvelope(fields: Fields): Envelope {
  const to: Recipient[] = [];
  for (const list of [fields.to, fields.cc, fields.bcc]) {
    for (const { address } of mailboxesOf(list)) to.push({ address });
  }
  return { from: (fields.sender ?? fields.from[0])?.address ?? "", to };
}

/** `base` with what `given` overrides, each recipient once, and SMTPUTF8 where an address of either needs it. */
export function envelopeOf(
  base: Envelope,
  given: EnvelopeInput | undefined,
  fields: Fields,
  limit: number,
  issues: Issues,
): Envelope {
  const { from, to, smtputf8: _, ...rest } = given === undefined ? base : overridden(base, given, limit, issues);
  if (to.length === 0 && !issues.some(({ path }) => NAMES_RECIPIENTS.test(path))) {
    report(issues, "to", "names nobody; a mail needs a recipient in to, cc, bcc or envelope.to", "5.5.1");
  }
  if (issues.length > 0) return base;
  const isUtf8 = needsSmtputf8(from) || to.some(isInternational) || isHeaderInternational(fields);
  return envelope(from, to, isUtf8 ? { ...rest, smtputf8: true } : rest);
}

function overridden(base: Envelope, given: EnvelopeInput, limit: number, issues: Issues): Envelope {
  if (recordOf(given, "{ from, to, dsn, requireTls, holdUntil, priority, deliverBy }", "envelope", issues) === undefined) return base;
  knownKeys(given, KNOWN, "envelope", issues);
  const to = given.to === undefined ? base.to : recipientsOf(given.to, limit, issues);
  return {
    ...base,
    from: given.from === undefined ? base.from : reversePath(given.from, issues),
    to: given.dsn?.notify === undefined ? to : withNotify(to, given.dsn.notify, issues),
    ...(given.dsn !== undefined && dsnOf(given.dsn, issues)),
    ...(given.requireTls !== undefined && { requireTls: flag(given.requireTls, "envelope.requireTls", issues) }),
    ...deliveryTimes(given, issues),
  };
}

function reversePath(given: unknown, issues: Issues): string {
  if (given === null || given === "") return "";
  if (typeof given === "string") return collect(issues, () => checkMailbox(given, "envelope.from"), "");
  report(issues, "envelope.from", `must be an address or null, not ${kindOf(given)}`, "5.1.7");
  return "";
}

function recipientsOf(given: unknown, limit: number, issues: Issues): Recipient[] {
  const entries: readonly unknown[] = Array.isArray(given) ? given : [given];
  const read = entries.length > limit ? [] : entries;
  const found = read.flatMap((entry, i) => recipientOf(entry, `envelope.to[${i}]`, issues));
  const count = Math.max(found.length, entries.length);
  if (count > limit) reportTooMany(count, "envelope.to", limit, issues);
  return found;
}

function recipientOf(given: unknown, path: string, issues: Issues): Recipient[] {
  const found = mailboxList(given, path, Number.POSITIVE_INFINITY, issues).map(({ address }) => ({ address }));
  if (!isRecord(given)) return found;
  const { notify, originalRecipient } = given;
  const options: Omit<Recipient, "address"> = {
    ...(notify !== undefined && { notify: notifyOf(notify, `${path}.notify`, issues) }),
    ...(originalRecipient !== undefined && {
      originalRecipient: oneLine(originalRecipient, `${path}.originalRecipient`, issues),
    }),
  };
  return found.map(({ address }) => ({ address, ...options }));
}

type Notify = NonNullable<Recipient["notify"]>;

/** What a recipient asks for itself stays. */
function withNotify(to: readonly Recipient[], given: unknown, issues: Issues): readonly Recipient[] {
  const notify = notifyOf(given, "envelope.dsn.notify", issues);
  return to.map((recipient) => ({ notify, ...recipient }));
}

/** NEVER stands alone (RFC 3461 §4.1). */
function notifyOf(given: unknown, path: string, issues: Issues): Notify {
  if (isNotify(given)) return given;
  report(issues, path, `must be "never" or an array of "success", "failure" and "delay"`);
  return "never";
}

function isNotify(given: unknown): given is Notify {
  return given === "never" || (Array.isArray(given) && given.length > 0 && given.every((event) => EVENTS.has(event)));
}

function dsnOf(given: unknown, issues: Issues): Pick<Envelope, "dsn"> {
  const dsn = recordOf(given, "{ notify, ret, envid }", "envelope.dsn", issues);
  if (dsn === undefined) return {};
  knownKeys(dsn, DSN, "envelope.dsn", issues);
  const { ret, envid } = dsn;
  const wanted = {
    ...(isOneOf(ret, "full", "hdrs") && { ret }),
    ...(isEnvelopeId(envid) && { envid }),
  };
  if (ret !== wanted.ret) report(issues, "envelope.dsn.ret", `must be "full" or "hdrs"`);
  if (envid !== wanted.envid) {
    report(issues, "envelope.dsn.envid", "must be a string of up to 100 printable ASCII characters");
  }
  return Object.keys(wanted).length === 0 ? {} : { dsn: wanted };
}

function isOneOf<T extends string>(given: unknown, ...choices: readonly T[]): given is T {
  return choices.some((choice) => choice === given);
}

function isEnvelopeId(given: unknown): given is string {
  return typeof given === "string" && /^[ -~]{1,100}$/.test(given);
}

function isInternational({ address }: Address): boolean {
  return needsSmtputf8(address);
}

function isHeaderInternational({ from, sender, replyTo, to, cc, headers }: Fields): boolean {
  if (sender !== undefined && isInternational(sender)) return true;
  return [from, replyTo, to, cc].some(holdsInternational) || headers.some(isFieldInternational);
}

function holdsInternational(list: readonly (Address | Group)[]): boolean {
  return list.some((entry) => ("members" in entry ? entry.members.some(isInternational) : isInternational(entry)));
}

function isFieldInternational([name, value]: Fields["headers"][number]): boolean {
  return headerKind(name) === "addresses" && holdsInternational(parseAddresses(value, name));
}
