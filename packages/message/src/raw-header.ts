import { Buffer } from "node:buffer";
import { messageError } from "./address-error.ts";

/** Some lines of a header; offsets count octets from the start of the bytes. */
export interface Span {
  readonly start: number;
  /** Past the CRLF of the last line. */
  readonly end: number;
  /** Number of the first line, from 1. */
  readonly line: number;
}

/** A header field where it stands, folded lines included. */
export interface RawField extends Span {
  /** As written, without the colon. */
  readonly name: string;
  /** First octet after the colon. */
  readonly value: number;
}

/** The header of a mail (RFC 5322 §2.2). */
export interface RawHeader {
  readonly fields: readonly RawField[];
  /** Where the blank line is, or the end of a mail that has no body. */
  readonly end: number;
  /** First octet of the body. */
  readonly body: number;
}

/** How much header is read. */
export interface HeaderLimits {
  /** Octets. @default 1 MiB */
  readonly maxHeaderSize?: number;
  /** @default 1000 */
  readonly maxHeaderFields?: number;
}

export const MAX_HEADER_SIZE: number = 1024 * 1024;
const MAX_HEADER_FIELDS = 1000;

/**
 * Reads the header at the start of `bytes`, whose lines end in CRLF. White space between a name and its colon is
 * obsolete but read (RFC 5322 §4.5); it is no part of the name.
 *
 * Throws a MessageError that names the line where that is neither a field nor a continuation, where a continuation
 * holds nothing but white space (some readers take that for the end of the header), and past a limit.
 */
export function readHeader(bytes: Uint8Array, limits: HeaderLimits = {}): RawHeader {
  const { blankFolds, stray, ...header } = scanHeader(bytes, { start: 0, line: 1 }, limits);
  refuseFlaws({ blankFolds, stray });
  return header;
}

/** What a field says: unfolded, as UTF-8, without white space around it. */
export function fieldValue(bytes: Uint8Array, field: RawField): string {
  return viewOf(bytes).toString("utf8", field.value, field.end).replaceAll("\r\n", "").trim();
}

/** What is wrong with the lines of a header and can be repaired. */
export interface Flaws {
  /** Continuations that hold nothing but white space. */
  readonly blankFolds: readonly Span[];
  /** A line that cannot be header; the header ends before it. */
  readonly stray: Span | undefined;
}

export function refuseFlaws({ blankFolds: [fold], stray }: Flaws): void {
  if (fold !== undefined) throw lineError(fold.line, BLANK_FOLD);
  if (stray !== undefined) throw lineError(stray.line, STRAY);
}

/** Reads the header from a place on; tells of the flaws instead of throwing. */
export function scanHeader(
  bytes: Uint8Array,
  from: Pick<Span, "start" | "line">,
  { maxHeaderSize = MAX_HEADER_SIZE, maxHeaderFields = MAX_HEADER_FIELDS }: HeaderLimits,
): RawHeader & Flaws {
  const { text, isWhole } = headerText(viewOf(bytes), from.start, maxHeaderSize);
  const fields: (RawField & { end: number })[] = [];
  const blankFolds: Span[] = [];
  for (const { start, end, line } of linesOf(text, isWhole, from)) {
    const last = fields.at(-1);
    if (!isContinuation(text, start - from.start)) {
      const [, name] = match(NAME, text, start - from.start) ?? [];
      if (name === undefined) return { fields, end: start, body: start, blankFolds, stray: { start, end, line } };
      if (fields.length === maxHeaderFields) throw lineError(line, `the header has more than ${maxHeaderFields} fields`);
      fields.push({ name, start, value: from.start + NAME.lastIndex, end, line });
    } else if (last === undefined) {
      throw lineError(line, "continues a header field, but none stands before it");
    } else {
      last.end = end;
      if (match(BLANK, text, start - from.start) !== null) blankFolds.push({ start, end, line });
    }
  }
  if (!isWhole) throw lineError(fields.at(-1)?.line ?? from.line, `the header goes on past ${maxHeaderSize} octets`);
  const end = from.start + text.length;
  return { fields, end, body: Math.min(end + 2, bytes.length), blankFolds, stray: undefined };
}

/** Name and colon of a field; the name may hold any printable ASCII but the colon (RFC 5322 §3.6.8). */
const NAME = /([!-9;-~]+)[ \t]*:/y;
const BLANK = /[ \t]*(?:\r\n|$)/y;

const BLANK_FOLD =
  "holds only white space, which no line of a header may (RFC 5322 §3.2.2); remove it, or repair: { blankFolds: true }";
const STRAY =
  "is neither a header field nor the continuation of one; if the body starts here, put a blank line before it, or " +
  "repair: { blankLine: true }";

function lineError(line: number, message: string): Error {
  return messageError({ path: `line ${line}`, message, status: "5.6.0" });
}

/** The header as one character per octet; not whole where the limit cuts it. */
function headerText(bytes: Buffer, from: number, limit: number): { text: string; isWhole: boolean } {
  const hasNone = bytes[from] === 13 && bytes[from + 1] === 10;
  const blank = bytes.subarray(from, from + limit + 2).indexOf("\r\n\r\n");
  if (hasNone) return { text: "", isWhole: true };
  const end = blank === -1 ? Math.min(bytes.length, from + limit) : from + blank + 2;
  return { text: bytes.toString("latin1", from, end), isWhole: blank !== -1 || end === bytes.length };
}

/** A last line without CRLF counts if nothing is cut off. */
function* linesOf(text: string, isWhole: boolean, from: Pick<Span, "start" | "line">): Generator<Span> {
  let { line } = from;
  let at = 0;
  while (at < text.length) {
    const eol = text.indexOf("\r\n", at);
    if (eol === -1 && !isWhole) return;
    const next = eol === -1 ? text.length : eol + 2;
    yield { start: from.start + at, end: from.start + next, line };
    at = next;
    line += 1;
  }
}

function isContinuation(text: string, at: number): boolean {
  return text[at] === " " || text[at] === "\t";
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** The same memory with the methods of Buffer. */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
