import type { Outcome } from "@postroad/core";
import { isIP } from "node:net";
import type { ReportOptions } from "./options.ts";
import type { Reported } from "./recipients.ts";
import type { Charset } from "./text.ts";
import { dateTime, escapedAddress, field, oneLine } from "./text.ts";

/** The part that programs read (RFC 3464 §2): fields of the mail, then those of each recipient, blank lines between. */
export function statusPart(options: ReportOptions, reported: readonly Reported[], charset: Charset): string {
  const groups = reported.map((each) => fieldsOfRecipient(each, options, charset));
  return [fieldsOfMail(options), ...groups].join("\r\n");
}

function fieldsOfMail({ mail, reportingMta, arrivedAt }: ReportOptions): string {
  const envid = oneLine(mail.envelope.dsn?.envid ?? "", "ascii");
  return (
    (envid === "" ? "" : field("Original-Envelope-Id", envid)) +
    field("Reporting-MTA", `dns; ${reportingMta}`) +
    timeField("Arrival-Date", arrivedAt)
  );
}

function fieldsOfRecipient({ recipient, outcome }: Reported, options: ReportOptions, charset: Charset): string {
  const { action, lastAttemptAt, willRetryUntil } = options;
  const { originalRecipient } = recipient;
  const mta = remoteMta(outcome);
  return (
    (originalRecipient ? field("Original-Recipient", originalAddress(originalRecipient, charset)) : "") +
    field("Final-Recipient", finalAddress(recipient.address, charset)) +
    field("Action", action) +
    field("Status", outcome.status) +
    (mta === undefined ? "" : field("Remote-MTA", mta)) +
    diagnosticField(outcome, charset) +
    timeField("Last-Attempt-Date", lastAttemptAt) +
    (action === "delayed" ? timeField("Will-Retry-Until", willRetryUntil) : "")
  );
}

function timeField(name: string, milliseconds: number | undefined): string {
  return milliseconds === undefined ? "" : field(name, dateTime(milliseconds));
}

/** ORCPT as the sender gave it (RFC 3464 §2.3.1): type and address, the latter 7-bit where the report is. */
function originalAddress(given: string, charset: Charset): string {
  const at = given.indexOf(";");
  const type = at === -1 ? "rfc822" : oneLine(given.slice(0, at), "ascii");
  return typedAddress(type, given.slice(at + 1).trim(), charset);
}

function finalAddress(address: string, charset: Charset): string {
  return typedAddress(/^[ -~]*$/.test(address) ? "rfc822" : "utf-8", address, charset);
}

/** In seven bits the type utf-8 has an escape of its own (RFC 6533 §3). */
function typedAddress(type: string, address: string, charset: Charset): string {
  const isEscaped = charset === "ascii" && /^utf-8$/i.test(type);
  return `${type}; ${isEscaped ? oneLine(escapedAddress(address), "ascii") : oneLine(address, charset)}`;
}

/** `dns; host` from `host:port` (RFC 3464 §2.3.5); what is neither name nor address, a socket's path, is left out. */
function remoteMta({ remote = "" }: Outcome): string | undefined {
  const [, bracketed, plain] = /^(?:\[([\da-f:.]+)\]|([^:/\s]+))(?::\d+)?$/i.exec(remote) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) return isIP(remote) === 6 ? `dns; [IPv6:${remote}]` : undefined;
  if (isIP(host) === 6) return `dns; [IPv6:${host}]`;
  if (isIP(host) === 4) return `dns; [${host}]`;
  return /^[a-z\d.-]+$/i.test(host) ? `dns; ${host}` : undefined;
}

/** The last reply (RFC 3464 §2.3.6), and where nobody replied our own words under a type that says so. */
function diagnosticField(outcome: Outcome, charset: Charset): string {
  const { reply } = outcome;
  if (reply !== undefined) return field("Diagnostic-Code", `smtp; ${oneLine(`${reply.code} ${reply.text}`, charset)}`);
  if (outcome.kind === "accepted") return "";
  return field("Diagnostic-Code", `x-postroad; ${oneLine(outcome.message, charset)}`);
}
