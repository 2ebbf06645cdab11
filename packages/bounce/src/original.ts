import type { Content } from "@postroad/core";
import { encodeText } from "@postroad/message";
import { Buffer, isAscii } from "node:buffer";
import type { Returned } from "./words.ts";

/** What was read of the mail reported on. */
export interface Original {
  /** All of it, where it is not longer than asked for. */
  readonly whole?: Buffer;
  /** Its header, without the blank line behind it. */
  readonly header: Buffer;
  /** The header was longer. */
  readonly isCut: boolean;
}

const SPACE = 0x20;
const TAB = 0x09;
/** A header is returned up to this many bytes. */
const MAX_HEADER = 64 * 1024;

/** Reads what a report may return: never more than the limits and one chunk. */
export async function readOriginal(content: Content, maxWhole: number): Promise<Original> {
  const limit = Math.max(maxWhole, MAX_HEADER);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content.open()) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > limit) break;
  }
  const bytes = Buffer.concat(chunks);
  return { ...headerOf(bytes), ...(maxWhole > 0 && size <= maxWhole && { whole: bytes }) };
}

function headerOf(bytes: Buffer): Pick<Original, "header" | "isCut"> {
  const start = bytes.subarray(0, MAX_HEADER);
  if (start.indexOf("\r\n") === 0) return { header: start.subarray(0, 0), isCut: false };
  const end = start.indexOf("\r\n\r\n");
  if (end !== -1) return { header: start.subarray(0, end + 2), isCut: false };
  return bytes.length <= MAX_HEADER ? { header: start, isCut: false } : { header: wholeFields(start), isCut: true };
}

/** Without the field that the limit cuts, unless that is all there is. */
function wholeFields(start: Buffer): Buffer {
  for (let at = start.lastIndexOf("\r\n", -3); at > 0; at = start.lastIndexOf("\r\n", at - 1)) {
    const next = start[at + 2];
    if (next !== SPACE && next !== TAB) return start.subarray(0, at + 2);
  }
  return start;
}

/** A part of the report: its type, how it is encoded, and the encoded bytes. */
export interface Part {
  readonly type: string;
  readonly encoding: string;
  readonly body: string | Uint8Array;
}

/** Whether the report travels where UTF-8 may stand as it is, and what nothing in it may look like. */
export interface Return {
  readonly utf8: boolean;
  readonly boundary: string;
}

/**
 * The mail or its header as the third part (RFC 6522 §3). Only message/rfc822 and text/rfc822-headers are known to all,
 * but the former must not be encoded: what is not clean in seven bits travels as message/global, which may be
 * (RFC 6532 §3.7).
 */
export function originalPart(original: Original, way: Return): { readonly part: Part; readonly returned: Returned } {
  const { whole, header, isCut } = original;
  if (whole !== undefined) return { part: wholePart(whole, way), returned: "message" };
  return { part: headerPart(header, way), returned: isCut ? "cut header" : "header" };
}

function wholePart(whole: Buffer, { utf8, boundary }: Return): Part {
  const isClean = isCleanText(whole, boundary);
  if (isClean && isAscii(whole)) return { type: "message/rfc822", encoding: "7bit", body: whole };
  if (isClean && utf8) return { type: "message/global", encoding: "8bit", body: whole };
  return { type: "message/global", encoding: "base64", body: base64(whole) };
}

function headerPart(header: Buffer, { utf8, boundary }: Return): Part {
  if (isAscii(header)) return { type: "text/rfc822-headers", ...encodeText(header.toString("latin1")) };
  const type = "message/global-headers";
  if (utf8 && isCleanText(header, boundary)) return { type, encoding: "8bit", body: header };
  return { type, ...encodeText(header.toString("utf8")) };
}

/** No NUL, no CR or LF but as CRLF, no line over 998 octets: what every server passes on (RFC 5322 §2.3). And no boundary. */
function isCleanText(bytes: Buffer, boundary: string): boolean {
  const text = bytes.toString("latin1");
  return !/\0|\r(?!\n)|(?<!\r)\n|[^\r\n]{999}/.test(text) && !text.includes(`--${boundary}`);
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll(/.{1,76}/g, "$&\r\n");
}
