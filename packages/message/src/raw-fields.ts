import { isUtf8 } from "node:buffer";
import type { Status } from "@postroad/core";
import type { Issues } from "./issues.ts";
import { report } from "./issues.ts";
import { isDateTime } from "./raw-date.ts";
import type { RawField, RawHeader } from "./raw-header.ts";
import { fieldValue, viewOf } from "./raw-header.ts";

/** Fields of which a mail has one at most (RFC 5322 §3.6, RFC 2045 §3): readers do not agree on which of two counts. */
const ONCE: ReadonlySet<string> = new Set([
  "date",
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "bcc",
  "message-id",
  "in-reply-to",
  "references",
  "subject",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
  "content-disposition",
  "content-id",
]);
/** RFC 5321 §6.3 wants a loop to be found by counting, and the count to be at least 100. */
const MAX_RECEIVED = 100;

/** The fields of that name, letter case aside. */
export function fieldsNamed(header: RawHeader, name: string): RawField[] {
  return header.fields.filter((field) => field.name.toLowerCase() === name);
}

/** Dates that nobody can read (RFC 5322 §3.3). */
export function unreadableDates(bytes: Uint8Array, header: RawHeader): RawField[] {
  return fieldsNamed(header, "date").filter((field) => !isDateTime(fieldValue(bytes, field)));
}

/** Reports fields that are missing or repeat, a Date that says nothing, and mail that runs in circles. */
export function checkFields(bytes: Uint8Array, header: RawHeader, hasDate: boolean, issues: Issues): void {
  const first = new Map<string, number>();
  let received = 0;
  for (const { name, line } of header.fields) {
    const key = name.toLowerCase();
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, line);
    else if (ONCE.has(key)) report(issues, `line ${line}`, `is a second ${name}; line ${earlier} has the first, remove one`);
    if (key === "received") received += 1;
  }
  if (!first.has("from")) report(issues, "From", "is missing; a mail has one (RFC 5322 §3.6)");
  if (!first.has("date") && !hasDate) {
    report(issues, "Date", "is missing; a mail has one (RFC 5322 §3.6). Add it, or repair: { date: new Date() }");
  }
  for (const { line } of hasDate ? [] : unreadableDates(bytes, header)) {
    report(issues, `line ${line}`, "is a Date that says no date and time (RFC 5322 §3.3). Correct it, or repair: { date: new Date() }");
  }
  if (received > MAX_RECEIVED) {
    report(issues, "Received", `stands there ${received} times; more than ${MAX_RECEIVED} is a loop`, "5.4.6");
  }
}

/** What neither ASCII nor UTF-8 headers may hold, one character per octet. */
const CONTROL = /[^\t\r\n -~\u0080-\u00ff]/;
const EIGHT_BIT = /[\u0080-\u00ff]/;
/** What some readers of UTF-8 take for a line break, and the other C1 controls. */
const UTF8_BREAK = /[\u0080-\u009f\u2028\u2029]/;

/**
 * Reports control characters in the header, and octets beyond ASCII unless `smtputf8` allows UTF-8 (RFC 6532).
 * True where the header has any of the latter.
 */
export function checkCharacters(bytes: Uint8Array, header: RawHeader, smtputf8: boolean, issues: Issues): boolean {
  const [start, end] = [header.fields[0]?.start ?? 0, header.end];
  const text = viewOf(bytes).toString("latin1", start, end);
  function fault(index: number, what: string, status: Status<5> = "5.6.0"): void {
    const { line, octet } = locate(text, index, header.fields[0]?.line ?? 1);
    report(issues, `line ${line}`, `octet ${octet} is ${what}`, status);
  }

  const control = text.search(CONTROL);
  if (control !== -1) fault(control, "a control character, which no header may hold");
  const eightBit = text.search(EIGHT_BIT);
  if (eightBit === -1) return false;
  if (!smtputf8) fault(eightBit, `beyond ASCII; ${EIGHT_BIT_ADVICE}`, "5.6.7");
  else if (!isUtf8(bytes.subarray(start, end))) fault(eightBit, "beyond ASCII, and the header is not UTF-8");
  else if (UTF8_BREAK.test(viewOf(bytes).toString("utf8", start, end))) {
    fault(eightBit, "beyond ASCII, and the header holds a control character or line break in UTF-8");
  }
  return true;
}

const EIGHT_BIT_ADVICE = "encode it (RFC 2047), or say smtputf8: true if the header is UTF-8 (RFC 6532)";

function locate(text: string, index: number, firstLine: number): { line: number; octet: number } {
  const before = text.slice(0, index);
  return { line: firstLine + before.split("\r\n").length - 1, octet: index - before.lastIndexOf("\n") };
}
