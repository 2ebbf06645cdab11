import type { Mail } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import type { DomainDay } from "./collector.ts";
import type { Reporter } from "./report.ts";
import { endOf } from "./report.ts";

/** Name of the file, as it tells about itself (RFC 8460 §5.1). */
function filenameOf(day: DomainDay, { submitter }: Reporter): string {
  return `${submitter}!${day.domain}!${day.start / 1000}!${endOf(day) / 1000}!${day.id}.json.gz`;
}

/**
 * A report as mail (RFC 8460 §5.3): multipart/report with the compressed report. `TLS-Required: No` lets it arrive although
 * TLS fails, which it may be about, and keeps it out of the next report (RFC 8460 §3, RFC 8689 §3). To be signed with
 * DKIM by whoever sends it.
 */
export function reportMail(to: string, day: DomainDay, compressed: Buffer, reporter: Reporter, now: number): Mail {
  const { contact, submitter } = reporter;
  const { id } = day;
  const boundary = `=_${id}`;
  const base64 = compressed.toString("base64").match(/.{1,76}/g) ?? [];
  const lines = [
    `From: <${contact}>`,
    `To: <${to}>`,
    `Date: ${new Date(now).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${id}@${submitter}>`,
    `Subject: Report Domain: ${day.domain}`,
    ` Submitter: ${submitter}`,
    ` Report-ID: <${id}@${submitter}>`,
    `TLS-Report-Domain: ${day.domain}`,
    `TLS-Report-Submitter: ${submitter}`,
    "TLS-Required: No",
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type="tlsrpt";`,
    ` boundary="${boundary}"`,
    "",
    `--${boundary}`,
    `Content-Type: text/plain; charset=us-ascii`,
    "",
    `This is a report about TLS of mail from ${submitter}`,
    `to ${day.domain}`,
    `on ${new Date(day.start).toISOString().slice(0, 10)} (UTC). The file with it is described in RFC 8460.`,
    "",
    `--${boundary}`,
    "Content-Type: application/tlsrpt+gzip",
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: attachment;",
    ` filename="${filenameOf(day, reporter)}"`,
    "",
    ...base64,
    `--${boundary}--`,
    "",
  ];
  return { id: `tls-report-${id}`, envelope: envelope(contact, [to]), content: contentOf(Buffer.from(lines.join("\r\n"))), meta: {} };
}
