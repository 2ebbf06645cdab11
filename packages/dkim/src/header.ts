import { Refusal } from "@postroad/core";

/** A header field where it stands, one character per octet. */
export interface Field {
  /** In lower case, without white space. */
  readonly name: string;
  /** As written, folded lines and the last CRLF included. */
  readonly line: string;
}

/** Name and colon; the name may hold any printable ASCII but the colon (RFC 5322 §3.6.8, §4.5.8). */
const NAME = /([!-9;-~]+)[ \t]*:/y;

/**
 * The fields of a header whose lines end in CRLF. A line that is neither a field nor the continuation of one is
 * refused: some readers take it for the end of the header, so nobody knows what a signature over it would cover.
 */
export function fieldsOf(header: string): readonly Field[] {
  const fields: Field[] = [];
  for (let start = 0; start < header.length; ) {
    NAME.lastIndex = start;
    const [, name] = NAME.exec(header) ?? [];
    if (name === undefined) throw strayLine(header, start);
    const end = endOfField(header, start);
    fields.push({ name: name.toLowerCase(), line: header.slice(start, end) });
    start = end;
  }
  return fields;
}

/** What a field says, unfolded: what stands behind the colon. */
export function valueOf({ line }: Field): string {
  return line.slice(line.indexOf(":") + 1).replaceAll("\r\n", "");
}

function endOfField(header: string, start: number): number {
  let end = header.indexOf("\r\n", start) + 2;
  while (header[end] === " " || header[end] === "\t") end = header.indexOf("\r\n", end) + 2;
  return end;
}

function strayLine(header: string, at: number): Refusal {
  const line = header.slice(0, at).split("\r\n").length;
  return new Refusal("5.6.0", `line ${line} of the message is neither a header field nor the continuation of one`, {
    phase: "sign",
    advice: "Compose with createMessage, or repair with rawMail.",
  });
}
