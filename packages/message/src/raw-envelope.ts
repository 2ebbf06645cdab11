import type { Envelope, Fields } from "@postroad/core";
import { parseAddresses } from "./address.ts";
import type { EnvelopeInput } from "./draft.ts";
import { envelopeOf } from "./envelope.ts";
import type { Issues } from "./issues.ts";
import { collect, report } from "./issues.ts";
import { mailboxesOf, reportTooMany } from "./mailboxes.ts";
import { fieldsNamed } from "./raw-fields.ts";
import type { RawField, RawHeader } from "./raw-header.ts";
import { fieldValue } from "./raw-header.ts";

/**
 * The envelope of a mail that exists: what `given` says, the rest from the header. Addresses that `given` makes
 * needless are not read, so that a mail with an odd To still travels to whom the envelope names.
 */
export function rawEnvelope(
  bytes: Uint8Array,
  header: RawHeader,
  given: EnvelopeInput | undefined,
  limit: number,
  issues: Issues,
): Envelope {
  const resent = newestResent(header);
  const from = given?.from === undefined ? senderOf(bytes, header, resent, issues) : "";
  const to = given?.to === undefined ? recipientsOf(bytes, header, resent, issues) : [];
  if (to.length > limit) reportTooMany(to.length, "header", limit, issues);
  return envelopeOf({ from, to: to.map((address) => ({ address })) }, given, NOBODY, limit, issues);
}

/**
 * The block of Resent-* fields that was added last. Each who resends puts a block on top of the header (RFC 5322
 * §3.6.6): it ends at another field, or where a name comes again and an older block begins.
 */
function newestResent(header: RawHeader): readonly RawField[] {
  const start = header.fields.findIndex(isResent);
  if (start === -1) return [];
  const seen = new Set<string>();
  const block = header.fields.slice(start);
  const end = block.findIndex((field) => !isResent(field) || seen.size === seen.add(field.name.toLowerCase()).size);
  return end === -1 ? block : block.slice(0, end);
}

function isResent({ name }: RawField): boolean {
  return /^resent-/i.test(name);
}

/** Sender, else the one author; the same of the newest resending, where there is one (RFC 5322 §3.6.2, §3.6.6). */
function senderOf(bytes: Uint8Array, header: RawHeader, resent: readonly RawField[], issues: Issues): string {
  const of = (name: string): readonly RawField[] => named(header, resent, name);
  const [field] = [...of("sender"), ...of("from")];
  const found = field === undefined ? [] : mailboxes(bytes, field, issues);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  if (field === undefined || issues.length > 0) return "";
  const needed = "where the envelope needs one sender: add a Sender (RFC 5322 §3.6.2) or give envelope.from";
  report(issues, pathOf(field), `names ${found.length} mailboxes ${needed}`, "5.1.7");
  return "";
}

function recipientsOf(bytes: Uint8Array, header: RawHeader, resent: readonly RawField[], issues: Issues): string[] {
  const fields = ["to", "cc", "bcc"].flatMap((name) => named(header, resent, name));
  return fields.flatMap((field) => mailboxes(bytes, field, issues));
}

function named(header: RawHeader, resent: readonly RawField[], name: string): readonly RawField[] {
  if (resent.length === 0) return fieldsNamed(header, name);
  return resent.filter((field) => field.name.toLowerCase() === `resent-${name}`);
}

/** An empty field (RFC 5322 §4.5.3 knows an empty Bcc) names nobody. */
function mailboxes(bytes: Uint8Array, field: RawField, issues: Issues): string[] {
  const value = fieldValue(bytes, field);
  const list = value === "" ? [] : collect(issues, () => parseAddresses(value, pathOf(field)), []);
  return mailboxesOf(list).map(({ address }) => address);
}

function pathOf({ name, line }: RawField): string {
  return `${name} (line ${line})`;
}

/** Without fields, the envelope's own addresses alone decide on SMTPUTF8. */
const NOBODY: Fields = {
  from: [],
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  subject: "",
  date: new Date(0),
  messageId: "",
  references: [],
  alternatives: [],
  headers: [],
  attachments: [],
};
