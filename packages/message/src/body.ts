import { Buffer } from "node:buffer";
import { encoded } from "./base64.ts";
import { LONGEST_LINE } from "./fold.ts";
import { quotedPrintable } from "./quoted-printable.ts";

/** A text as it stands in a part, with the encoding that says so. */
export interface EncodedText {
  readonly encoding: "7bit" | "quoted-printable" | "base64";
  readonly body: string | Uint8Array;
}

/** One in so many: past this share of octets beyond ASCII a text is no longer readable in quoted-printable, and long. */
const MOSTLY_ASCII = 5;

/** How every boundary of ours begins. Neither quoted-printable nor base64 can hold it (RFC 2045 §6.7 (5)). */
export const BOUNDARY_START = "=_";

/**
 * Chooses the encoding of a text by what it holds: as it is where every system passes it on unchanged, else
 * quoted-printable while that is shorter than base64. Line breaks of any kind become CRLF.
 */
export function encodeText(text: string): EncodedText {
  const canonical = withCrlf(text);
  const beyondAscii = Buffer.byteLength(canonical) - canonical.length;
  if (beyondAscii === 0 && isHarmless(canonical)) return { encoding: "7bit", body: canonical };
  if (beyondAscii * MOSTLY_ASCII <= canonical.length)
    return { encoding: "quoted-printable", body: quotedPrintable(canonical) };
  return { encoding: "base64", body: encoded(Buffer.from(canonical)) };
}

/** UTF-8 has more octets than the string has units where any is beyond ASCII. The runtime counts faster than a regex. */
export function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

/** RFC 5322 §2.3: CR and LF only as CRLF. */
function withCrlf(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?|\n/g, "\r\n") : text.replaceAll("\n", "\r\n");
}

/** Has it short lines only, no NUL (RFC 2045 §2.7), no `From ` that mailboxes change, and nothing like a boundary? */
function isHarmless(text: string): boolean {
  if (hasLongLine(text) || text.includes("\0") || text.includes(`--${BOUNDARY_START}`)) return false;
  return !text.startsWith("From ") && !text.includes("\nFrom ");
}

export function hasLongLine(text: string): boolean {
  let start = 0;
  while (text.length - start > LONGEST_LINE) {
    const end = text.lastIndexOf("\r\n", start + LONGEST_LINE);
    if (end < start) return true;
    start = end + 2;
  }
  return false;
}
