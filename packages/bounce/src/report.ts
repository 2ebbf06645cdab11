import type { Mail } from "@postroad/core";
import { contentOf, mailboxKey } from "@postroad/core";
import { encodeText } from "@postroad/message";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { isAutomatic, threadFields } from "./answered.ts";
import type { Party } from "./addresses.ts";
import { authorOf, needsUtf8, readerOf } from "./addresses.ts";
import type { ReportOptions } from "./options.ts";
import { checkReportOptions } from "./options.ts";
import type { Original, Part } from "./original.ts";
import { originalPart, readOriginal } from "./original.ts";
import type { Reported } from "./recipients.ts";
import { isLeftToUs, reportedOn } from "./recipients.ts";
import { statusPart } from "./status.ts";
import { dateTime, field } from "./text.ts";
import { humanPart, SUBJECTS } from "./words.ts";

const MAX_ORIGINAL = 50 * 1024;

/**
 * The report on a mail (RFC 3464) on its way to the sender, or undefined where none is due: for the null reverse-path,
 * since nobody may bounce a bounce, and where the NOTIFY of every recipient says no (RFC 3461 §4.1). Nor are delays
 * reported that nobody asked to hear of to whoever sent the mail by a program: Auto-Submitted, List-*, Precedence.
 *
 * The same options give the same bytes, and without `id` the same mail, the same action and the same recipients the same id:
 * whoever is not sure to have sent a report sends it again.
 *
 * Throws a ConfigError for wrong options, a MessageError for addresses that no header can hold, and what reading the
 * content throws.
 */
export async function deliveryReport(options: ReportOptions): Promise<Mail | undefined> {
  checkReportOptions(options);
  const { mail, outcomes, action, maxOriginal = MAX_ORIGINAL } = options;
  const asked = mail.envelope.from === "" ? [] : reportedOn(mail, outcomes, action);
  if (asked.length === 0) return undefined;
  const isFull = action === "failed" && mail.envelope.dsn?.ret !== "hdrs" && mail.envelope.requireTls !== true;
  const original = await readOriginal(mail.content, isFull ? maxOriginal : 0);
  const isUnwanted = action === "delayed" && isAutomatic(original.header);
  const reported = isUnwanted ? asked.filter((each) => !isLeftToUs(each)) : asked;
  return reported.length === 0 ? undefined : compose(options, reported, original);
}

function compose(options: ReportOptions, reported: readonly Reported[], original: Original): Mail {
  const { mail, meta = {}, id = idOf(options, reported) } = options;
  const reader = readerOf(mail.envelope.from);
  const author = authorOf(options);
  const utf8 = needsUtf8(reader, author);
  const boundary = `=_${digest(id)}`;
  const header = headerOf(options, { id, reader, author, boundary }) + threadFields(original.header);
  const { part, returned } = originalPart(original, { utf8, boundary });
  const parts = [textPart(humanPart(options, reported, returned)), machinePart(options, reported, utf8), part];
  return {
    id,
    envelope: {
      from: "",
      to: [{ address: reader.address }],
      ...(utf8 && { smtputf8: true }),
      // A report is protected as the mail was, and returns no more than its header (RFC 8689 §5).
      ...(mail.envelope.requireTls === true && { requireTls: true }),
    },
    content: contentOf(multipart(header, parts, boundary)),
    meta,
  };
}

interface Decided {
  readonly id: string;
  readonly reader: Party;
  readonly author: Party;
  readonly boundary: string;
}

function headerOf({ action, reportingMta, now = Date.now }: ReportOptions, { id, reader, author, boundary }: Decided): string {
  return (
    field("From", author.text) +
    field("To", reader.text) +
    field("Subject", SUBJECTS[action]) +
    field("Date", dateTime(now())) +
    field("Message-ID", `<${digest(id)}@${reportingMta}>`) +
    field("Auto-Submitted", "auto-replied") +
    field("MIME-Version", "1.0") +
    field("Content-Type", `multipart/report; report-type=delivery-status; boundary="${boundary}"`)
  );
}

function textPart(text: string): Part {
  return { type: "text/plain; charset=utf-8", ...encodeText(text) };
}

function machinePart(options: ReportOptions, reported: readonly Reported[], utf8: boolean): Part {
  return utf8
    ? { type: "message/global-delivery-status", encoding: "8bit", body: statusPart(options, reported, "utf-8") }
    : { type: "message/delivery-status", encoding: "7bit", body: statusPart(options, reported, "ascii") };
}

function idOf({ mail, action }: ReportOptions, reported: readonly Reported[]): string {
  const recipients = reported.map(({ recipient }) => mailboxKey(recipient.address)).toSorted();
  return `report-${digest(JSON.stringify([mail.id, action, recipients]))}`;
}

/** 32 hexadecimal digits. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function multipart(header: string, parts: readonly Part[], boundary: string): Uint8Array {
  const pieces = parts.flatMap(({ type, encoding, body }) => [
    `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`,
    body,
  ]);
  const all = [header, ...pieces, `\r\n--${boundary}--\r\n`];
  return Buffer.concat(all.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece)));
}
