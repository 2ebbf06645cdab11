import type { Mail, Outcome, Recipient } from "@postroad/core";
import { contentOf, envelope, readAll } from "@postroad/core";
import { deliveryReport } from "../src/index.ts";
import type { ReportOptions } from "../src/index.ts";

export const ORIGINAL = [
  "Received: from client.example by mail.example.org; Thu, 01 Jan 2026 00:00:00 +0000",
  "From: Ann <ann@example.org>",
  "Reply-To: elsewhere@example.org",
  "To: Bob <bob@example.net>",
  "Subject: Lunch",
  "Message-ID: <lunch@example.org>",
  "",
  "At noon?",
  "",
].join("\r\n");

export interface Given {
  readonly from?: string;
  readonly to?: readonly (string | Recipient)[];
  readonly content?: string | Uint8Array;
  readonly rest?: Omit<Mail["envelope"], "from" | "to">;
}

export function mailOf({ from = "ann@example.org", to = ["bob@example.net"], content = ORIGINAL, rest = {} }: Given = {}): Mail {
  return { id: "mail-1", envelope: envelope(from, to, rest), content: contentOf(Buffer.from(content)), meta: { tenant: "a" } };
}

export function rejected(recipient: string, more: object = {}): Outcome {
  return {
    kind: "rejected",
    status: "5.1.1",
    recipient,
    by: "smtp",
    remote: "mx.example.net:25",
    message: "the recipient was refused: 550 5.1.1 no such user",
    reply: { code: 550, text: "5.1.1 no such user" },
    diagnosis: { phase: "rcpt", advice: "Check the spelling.", transcript: ["C: AUTH PLAIN c2VjcmV0"] },
    ...more,
  };
}

export function deferred(recipient: string): Outcome {
  return { kind: "deferred", status: "4.4.1", recipient, by: "smtp", message: "nobody answers" };
}

export function accepted(recipient: string): Outcome {
  return { kind: "accepted", status: "2.1.5", recipient, by: "smtp", remote: "[2001:db8::1]:25", reply: { code: 250, text: "2.1.5 ok" } };
}

export function optionsOf(given: Partial<ReportOptions> = {}): ReportOptions {
  const mail = given.mail ?? mailOf();
  return {
    mail,
    outcomes: mail.envelope.to.map(({ address }) => rejected(address)),
    action: "failed",
    reportingMta: "mail.example.org",
    now: () => Date.UTC(2026, 0, 2, 3, 4, 5),
    ...given,
  };
}

/** A report that has to be due, and its bytes. */
export async function reportOf(given: Partial<ReportOptions> = {}): Promise<{ report: Mail; bytes: Buffer; text: string }> {
  const report = await deliveryReport(optionsOf(given));
  if (report === undefined) throw new Error("no report is due");
  const bytes = Buffer.from(await readAll(report.content));
  return { report, bytes, text: bytes.toString() };
}

export interface RawPart {
  readonly type: string;
  readonly encoding: string;
  readonly body: Buffer;
}

/** The three parts, taken apart by hand: parsers do not show how a part is encoded. */
export function partsOf(bytes: Buffer): readonly RawPart[] {
  const text = bytes.toString("latin1");
  const [, boundary = ""] = /boundary="([^"]+)"/.exec(text) ?? [];
  return text
    .split(`\r\n--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const end = part.indexOf("\r\n\r\n");
      const header = part.slice(0, end);
      const [, type = ""] = /Content-Type: ([^\r\n]+)/.exec(header) ?? [];
      const [, encoding = ""] = /Content-Transfer-Encoding: (\S+)/.exec(header) ?? [];
      return { type, encoding, body: Buffer.from(part.slice(end + 4), "latin1") };
    });
}

/** The groups of fields of the machine-readable part, unfolded. */
export function statusOf(bytes: Buffer): readonly Readonly<Record<string, string>>[] {
  const body = partsOf(bytes)[1]?.body.toString() ?? "";
  return body
    .split(/\r\n\r\n/)
    .map((group) => group.replaceAll(/\r\n[ \t]/g, " ").trim())
    .map((group) => Object.fromEntries(group.split("\r\n").map((line) => line.split(/: (.*)/s).slice(0, 2))));
}
