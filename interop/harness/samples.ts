/** Bodies that servers and clients have got wrong. Lines end in CRLF. */
export interface Sample {
  readonly title: string;
  readonly body: Buffer;
}

function sample(title: string, body: string): Sample {
  return { title, body: Buffer.from(body) };
}

export const SAMPLES: readonly Sample[] = [
  sample("text", "Hello.\r\n"),
  sample("nothing below the header", ""),
  sample("lines that begin with dots", ".\r\n..\r\n.. and more\r\n.\r\n\r\n."),
  sample("no CRLF at the end", "Hello."),
  sample("empty lines at the end", "Hello.\r\n\r\n\r\n"),
  sample("UTF-8", "Grüße, 你好, \u{1F600}\r\n"),
  { title: "bytes that are no UTF-8", body: Buffer.concat([octets(0x80, 0xff), Buffer.from("\r\n")]) },
  sample("what looks like commands", "\r\nQUIT\r\nRSET\r\nBDAT 5 LAST\r\nFrom here on\r\n"),
  sample("a line of 998 octets", `${"x".repeat(998)}\r\n`),
  sample("more than one chunk", `.${"2345678 12345678 1234567 1\r\n".repeat(16)}`.repeat(1500)),
];

function octets(first: number, last: number): Buffer {
  return Buffer.from(Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

/** As a mailbox has it: a line that was left open is closed. */
export function closed(content: Buffer): Buffer {
  const end = Buffer.from("\r\n");
  return content.subarray(-2).equals(end) ? content : Buffer.concat([content, end]);
}
