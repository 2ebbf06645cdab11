import type { Field } from "./header.ts";
import { valueOf } from "./header.ts";

/** How much a header field or body may change on the way before its signature breaks (RFC 6376 §3.4). */
export type Canonical = "simple" | "relaxed";

/**
 * The canonical form of a header field that ends in CRLF (RFC 6376 §3.4.1, §3.4.2). `simple` is the field as it is;
 * `relaxed` has its name in lower case, one line, and one space for each run of white space, none at the ends.
 */
export function canonicalField(field: Field, how: Canonical): string {
  if (how === "simple") return field.line;
  const value = withSingleSpaces(valueOf(field));
  const [start, end] = [value.startsWith(" ") ? 1 : 0, value.endsWith(" ") ? -1 : value.length];
  return `${field.name}:${value.slice(start, end)}\r\n`;
}

/** Each run of white space as one space. Only space and tab are meant: no form feeds, no no-break spaces. */
export function withSingleSpaces(text: string): string {
  return text.replaceAll(RUN, " ");
}

/** A single space stays as it is. */
const RUN = /[ \t]{2,}|\t/g;
