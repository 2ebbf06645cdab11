/** What a mail says, before anybody composes it. */
export interface Plain {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
  readonly attachment?: { readonly filename: string; readonly type: string; readonly bytes: Buffer };
}

/** A mail that no other has the number of, with so many bytes of text. */
export function plainMail(number: number, text: string): Plain {
  return {
    from: "Shop <orders@shop.example>",
    to: `Ann Smith <ann.${number}@example.net>`,
    subject: `Your order ${number}`,
    text: `Order ${number}\n\n${text}`,
  };
}

/** The address alone, of `Name <address>`. */
export function addressOf(mailbox: string): string {
  return mailbox.slice(mailbox.indexOf("<") + 1, -1);
}

const WORDS = [
  "thank", "you", "for", "your", "order", "we", "have", "packed", "it", "and", "it", "will", "leave", "our", "house",
  "tomorrow", "you", "can", "follow", "the", "parcel", "on", "its", "way", "with", "the", "number", "below",
];

/** English words in paragraphs of lines as people's programs wrap them, `size` bytes in all. */
export function prose(size: number): string {
  let text = "";
  let line = "";
  for (let i = 0; text.length + line.length < size; i += 1) {
    line += `${WORDS[i % WORDS.length]} `;
    if (line.length < 64) continue;
    text += `${line.trimEnd()}${i % 7 === 0 ? ".\n" : ""}\n`;
    line = "";
  }
  return `${(text + line).slice(0, size - 2)}.\n`;
}

/** The same words as a page of HTML, `size` bytes in all. */
export function page(size: number): string {
  const head = '<!doctype html>\n<html lang="en"><head><title>Your order</title></head>\n<body style="font-family: sans-serif">\n';
  const tail = "</body></html>\n";
  let body = "";
  for (const line of prose(size).split("\n")) {
    const next = `<p style="margin: 0 0 1em">${line}</p>\n`;
    if (head.length + body.length + next.length + tail.length > size) break;
    body += next;
  }
  return head + body + tail;
}

/** A plain mail as the bytes of RFC 5322, composed with nobody's library. */
export function bytesOf({ from, to, subject, text }: Plain, number: number): Buffer {
  const lines = [
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${subject}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${number}@shop.example>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 7bit",
    "",
    ...text.split("\n"),
  ];
  return Buffer.from(lines.join("\r\n"));
}

/** A mail that is bytes already, and whom it is for. */
export interface Built {
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
}

/** A few prebuilt mails to be sent in turn: up to 64, and no more than 16 MB of them. */
export function builtMails(text: string): readonly Built[] {
  const count = Math.max(2, Math.min(64, Math.floor(16e6 / text.length)));
  return Array.from({ length: count }, (_, number) => {
    const mail = plainMail(number, text);
    return { from: addressOf(mail.from), to: addressOf(mail.to), bytes: bytesOf(mail, number) };
  });
}

/** Bytes that look random and are always the same. */
export function noise(size: number): Buffer {
  let state = 1;
  return Buffer.from(Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  }));
}
