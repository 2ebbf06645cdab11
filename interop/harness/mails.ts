import type { Content, Envelope, Mail, Recipient } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import { randomUUID } from "node:crypto";

export interface MailOptions extends Omit<Envelope, "from" | "to"> {
  /** @default "sender@example.com" */
  readonly from?: string;
  readonly to: readonly (string | Recipient)[];
  /** Below the header; lines end in CRLF. @default a line of text */
  readonly body?: string | Buffer;
  /** All bytes of the mail, in place of a header of ours and `body`. */
  readonly content?: Content;
}

/** A mail with a header that leaves nothing for a server to add, and a Message-ID nobody else has. */
export function mailOf({ from = "sender@example.com", to, body = "Hello.\r\n", content, ...rest }: MailOptions): Mail {
  const id = randomUUID();
  return { id, envelope: envelope(from, to, rest), content: content ?? contentOf(bytesOf(id, body)), meta: {} };
}

/** The bytes of a mail of ours. */
export function bytesOf(id: string, body: string | Buffer): Buffer {
  const header = [
    "From: Sender <sender@example.com>",
    "To: undisclosed-recipients:;",
    "Subject: interop",
    "Date: Sun, 22 Nov 2026 08:00:00 +0000",
    `Message-ID: <${id}@example.com>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    "",
  ];
  return Buffer.concat([Buffer.from(header.join("\r\n")), Buffer.from(body)]);
}
