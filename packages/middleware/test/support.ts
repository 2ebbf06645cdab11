import type { Mail, Message, Transport } from "@postroad/core";
import { contentOf, envelope, readAll } from "@postroad/core";
import { taking } from "@postroad/testing";

let made = 0;

export function mailTo(...to: readonly string[]): Mail {
  made += 1;
  const content = contentOf(Buffer.from("From: shop@example.org\r\nSubject: Hello\r\n\r\nHello\r\n"));
  return { id: `mail-${made}`, envelope: envelope("shop@example.org", to), content, meta: {} };
}

export function asMessage(mail: Mail): Message {
  const lists = { replyTo: [], to: [], cc: [], bcc: [], references: [], alternatives: [], headers: [], attachments: [] };
  const from = [{ address: "shop@example.org" }];
  return { ...mail, fields: { ...lists, from, subject: "Hello", date: new Date(0), messageId: "<1@example.org>" } };
}

export function messageTo(...to: readonly string[]): Message {
  return asMessage(mailTo(...to));
}

/** For suites that send plain mail to what takes messages. */
export function takingMail(transport: Transport<Message>): Transport {
  return taking(transport, asMessage);
}

export async function textOf(mail: Mail | undefined): Promise<string> {
  return mail === undefined ? "" : Buffer.from(await readAll(mail.content)).toString();
}
