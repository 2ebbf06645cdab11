import { Buffer } from "node:buffer";

/** Columns before a soft line break, which is the 76th (RFC 2045 §6.7 (5)). */
const LAST_COLUMN = 75;
const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const EQUALS = 0x3d;
const LETTER_F = 0x46;
const HEX = Buffer.from("0123456789ABCDEF");

/** What stands as it is, what does unless it ends a line, what begins a new line; all else is encoded. */
const PLAIN = 1;
const WHITE = 2;
const BREAK = 3;
const CLASS = new Uint8Array(256);
CLASS.fill(PLAIN, 0x21, 0x7f);
CLASS[0x3d] = 0;
for (const octet of [0x20, 0x09]) CLASS[octet] = WHITE;
for (const octet of [CR, LF]) CLASS[octet] = BREAK;

/** An upper bound: three columns an octet, and a soft break (three octets) at least every 64 columns. */
function longestOutput(octets: number): number {
  return 3 * octets + 3 * Math.ceil((3 * octets) / (LAST_COLUMN - 11));
}

/**
 * Text with CRLF line breaks as quoted-printable (RFC 2045 §6.7). White space at the end of a line is encoded, and so
 * is what mail systems have been known to change: a dot at the start of a line and the F of `From `.
 * A soft break never splits a character.
 */
export function quotedPrintable(text: string): Uint8Array {
  const input = Buffer.from(text);
  const output = Buffer.allocUnsafe(longestOutput(input.length));
  let column = 0;
  let at = 0;
  for (let i = 0; i < input.length; i += 1) {
    const octet = input[i] ?? 0;
    const kind = CLASS[octet];
    const isPlain = kind === PLAIN || (kind === WHITE && !endsLine(input, i));
    if (isPlain && column > 0 && column < LAST_COLUMN) {
      output[at++] = octet;
      column += 1;
      continue;
    }
    if (kind !== BREAK && column + (isPlain ? 1 : 3 * sequenceLength(octet)) > LAST_COLUMN) {
      at = write(output, at, EQUALS, CR, LF);
      column = 0;
    }
    if (kind === BREAK || (isPlain && (column > 0 || !isRisky(input, i)))) {
      output[at++] = octet;
      column = kind === BREAK ? 0 : column + 1;
    } else {
      at = write(output, at, EQUALS, HEX[octet >> 4] ?? 0, HEX[octet & 15] ?? 0);
      column += 3;
    }
  }
  return output.subarray(0, at);
}

function write(output: Buffer, at: number, a: number, b: number, c: number): number {
  output[at] = a;
  output[at + 1] = b;
  output[at + 2] = c;
  return at + 3;
}

function endsLine(input: Uint8Array, i: number): boolean {
  return i + 1 === input.length || input[i + 1] === CR;
}

/** Does a line start here that begins with a dot or with `From `? */
function isRisky(input: Buffer, i: number): boolean {
  const octet = input[i];
  return octet === DOT || (octet === LETTER_F && input.toString("latin1", i, i + 5) === "From ");
}

/** Octets of the UTF-8 character that begins with this octet. */
function sequenceLength(octet: number): number {
  if (octet < 0xc0) return 1;
  if (octet < 0xe0) return 2;
  return octet < 0xf0 ? 3 : 4;
}
