import { Buffer } from "node:buffer";
import type { Content, Mail } from "@postroad/core";
import { contentOf } from "@postroad/core";
import { messageError } from "./address-error.ts";
import type { FileSource } from "./file.ts";
import { isFileSource } from "./file.ts";
import type { Issues } from "./issues.ts";
import { kindOf, throwIssues } from "./issues.ts";
import type { Edit } from "./raw-edit.ts";
import { edited, withLineEnds } from "./raw-edit.ts";
import { rawEnvelope } from "./raw-envelope.ts";
import { checkCharacters, checkFields, fieldsNamed, unreadableDates } from "./raw-fields.ts";
import type { Flaws, RawHeader, Span } from "./raw-header.ts";
import { MAX_HEADER_SIZE, refuseFlaws, scanHeader } from "./raw-header.ts";
import { frozen, idOf, metaOf } from "./raw-identity.ts";
import type { RawMailOptions, Repairs } from "./raw-options.ts";
import { checkRawOptions } from "./raw-options.ts";
import { lineScanner } from "./raw-scan.ts";
import { uniqueId } from "./unique.ts";

export type { HeaderLimits, RawField, RawHeader, Span } from "./raw-header.ts";
export { fieldValue, readHeader } from "./raw-header.ts";
export type { RawMailOptions, Repairs } from "./raw-options.ts";

/**
 * A mail that exists already: its bytes travel as they are, without Bcc and Resent-Bcc.
 *
 * The envelope comes from the header where `options.envelope` leaves it open: Sender, else From; To, Cc and Bcc. Where
 * the mail was resent, the newest Resent-* fields say so instead (RFC 5322 §3.6.6).
 *
 * Refused with a MessageError that says in which line: bare CR, bare LF, NUL, lines over 998 octets; a header that is
 * not ASCII or holds controls; lines before the first blank one that are no header; lines of only white space in the
 * header; a second From, Date, Subject or other field that stands once; a missing From or Date, and a Date that is none
 * (the forms of RFC 5322 §4.3 count); a byte order mark or mbox `From ` line; more than 100 Received fields; addresses that the envelope needs and `parseAddresses` refuses.
 * The body may be 8-bit. `options.repair` mends what it names.
 *
 * Bytes are not copied: do not change them afterwards. A string is text, sent as UTF-8, never a path. A `file(path)`,
 * or any other Content, is read once here to check it, and again whenever it is sent.
 */
export async function rawMail(
  source: Uint8Array | string | FileSource | Content,
  options: RawMailOptions = {},
): Promise<Mail> {
  checkRawOptions(options);
  const { repair = {}, meta = {}, id = uniqueId(), maxRecipients = 10_000, smtputf8 = false } = options;
  const given = contentFrom(source);
  const content = repair.lineEnds === true ? withLineEnds(given) : given;
  const { head, size } = await survey(content, options);
  const start = headerStart(head, repair);
  const header = scanHeader(head, start, options);
  refuseFlaws({
    blankFolds: repair.blankFolds === true ? [] : header.blankFolds,
    stray: repair.blankLine === true ? undefined : header.stray,
  });

  const issues: Issues = [];
  checkFields(head, header, repair.date !== undefined, issues);
  const isUtf8 = checkCharacters(head, header, smtputf8, issues);
  const envelope = rawEnvelope(head, header, options.envelope, maxRecipients, issues);
  const [key, notes] = [idOf(id, issues), metaOf(meta, issues)];
  throwIssues(issues);
  return frozen({
    id: key,
    envelope: isUtf8 ? { ...envelope, smtputf8: true } : envelope,
    content: edited(content, size, editsOf(head, header, start.start, repair.date)),
    meta: notes,
  });
}

function contentFrom(source: unknown): Content {
  if (source instanceof Uint8Array) return contentOf(source);
  if (isFileSource(source)) return source.content;
  if (isContent(source)) return source;
  if (typeof source === "string" && source.isWellFormed()) return contentOf(Buffer.from(source));
  const found = typeof source === "string" ? "a string with lone surrogates" : kindOf(source);
  throw messageError({ path: "source", message: `must be bytes, text or file(path), not ${found}`, status: "5.6.0" });
}

function isContent(source: unknown): source is Content {
  return typeof source === "object" && source !== null && "open" in source && typeof source.open === "function";
}

/** Reads all of it once: checks every line, keeps the start, which holds the header, and counts. */
async function survey(content: Content, options: RawMailOptions): Promise<{ head: Uint8Array; size: number }> {
  const { maxHeaderSize = MAX_HEADER_SIZE, maxSize = Infinity } = options;
  const scanner = lineScanner();
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content.open()) {
    if (size <= maxHeaderSize + MAX_PREFIX) kept.push(chunk);
    size += chunk.length;
    if (size > maxSize) throw tooLarge(maxSize);
    scanner.scan(chunk);
  }
  scanner.end();
  const [head = Buffer.alloc(0)] = kept.length > 1 ? [Buffer.concat(kept)] : kept;
  return { head, size };
}

function tooLarge(maxSize: number): Error {
  return messageError({ path: "source", message: `has more than ${maxSize} octets (maxSize)`, status: "5.3.4" });
}

/** What may stand before the header: a byte order mark, and an mbox line of 998 octets. */
const MAX_PREFIX = 1024;
const BYTE_ORDER_MARK = "\u00ef\u00bb\u00bf";

/** The first place that is header, behind what `repair` drops. */
function headerStart(head: Uint8Array, repair: Repairs): Pick<Span, "start" | "line"> {
  const text = Buffer.from(head.subarray(0, MAX_PREFIX)).toString("latin1");
  const hasMark = text.startsWith(BYTE_ORDER_MARK);
  const start = hasMark ? BYTE_ORDER_MARK.length : 0;
  if (hasMark && repair.byteOrderMark !== true) refuseStart("a byte order mark", "byteOrderMark");
  if (!text.startsWith("From ", start)) return { start, line: 1 };
  if (repair.mboxLine !== true) refuseStart("the From line of an mbox file, which is no header field", "mboxLine");
  const eol = text.indexOf("\r\n");
  return { start: eol === -1 ? head.length : eol + 2, line: 2 };
}

function refuseStart(what: string, repair: keyof Repairs): never {
  const message = `begins with ${what}; remove it, or repair: { ${repair}: true }`;
  throw messageError({ path: "line 1", message, status: "5.6.0" });
}

/** What to change in the bytes, in order. */
function editsOf(head: Uint8Array, header: RawHeader & Flaws, start: number, date: Date | undefined): Edit[] {
  const unreadable = date === undefined ? [] : unreadableDates(head, header);
  const isDated = date !== undefined && fieldsNamed(header, "date").length === unreadable.length;
  const insert = isDated ? Buffer.from(`Date: ${date.toUTCString().replace("GMT", "+0000")}\r\n`) : Buffer.alloc(0);
  const hidden = [...header.fields.filter(({ name }) => /^(?:resent-)?bcc$/i.test(name)), ...unreadable];
  const isHidden = (fold: Span): boolean => hidden.some((field) => field.start < fold.start && fold.end <= field.end);
  const cuts = [...hidden, ...header.blankFolds.filter((fold) => !isHidden(fold))].toSorted((a, b) => a.start - b.start);
  const { stray } = header;
  const blankLine = stray === undefined ? [] : [{ start: stray.start, end: stray.start, insert: Buffer.from("\r\n") }];
  return [...(start > 0 || isDated ? [{ start: 0, end: start, insert }] : []), ...cuts, ...blankLine];
}
