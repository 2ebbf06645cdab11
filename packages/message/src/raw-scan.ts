import { messageError } from "./address-error.ts";

const NUL = 0;
export const LF = 10;
export const CR = 13;
/** RFC 5322 §2.1.1, without the CRLF. */
const MAX_LINE = 998;

/** Checks the lines of a mail, chunk by chunk, and throws a MessageError at the first that must not travel. */
export interface LineScanner {
  scan(chunk: Uint8Array): void;
  /** Says that there are no more chunks. */
  end(): void;
}

/**
 * Finds bare CR, bare LF, NUL and lines over 998 octets (RFC 5321 §2.3.8, RFC 5322 §2.1.1, RFC 6152 §2). Whatever a
 * chunk ends in is carried over to the next. A last line without CRLF is a line.
 */
export function lineScanner(): LineScanner {
  let line = 1;
  /** Octets of the line in earlier chunks, a CR at their end included. */
  let before = 0;
  let afterCr = false;

  function fault(octet: number, what: string): never {
    throw messageError({ path: `line ${line}`, message: `octet ${octet} ${what}`, status: "5.6.0" });
  }

  function checkLength(length: number): void {
    if (length > MAX_LINE) fault(MAX_LINE + 1, `is one too many: a line has ${MAX_LINE} at most; encode the text`);
  }

  function scan(chunk: Uint8Array): void {
    let start = -before;
    let isCr = afterCr;
    let at = isCr ? 0 : nextControl(chunk, 0);
    while (at < chunk.length) {
      const octet = chunk[at];
      if (isCr) {
        if (octet !== LF) fault(at - start, BARE_CR);
        isCr = false;
        start = at + 1;
        line += 1;
      } else if (octet === CR) {
        checkLength(at - start);
        isCr = true;
      } else if (octet === LF) {
        fault(at - start + 1, BARE_LF);
      } else if (octet === NUL) {
        fault(at - start + 1, "is NUL, which no mail may hold; encode the text");
      }
      at = isCr ? at + 1 : nextControl(chunk, at + 1);
    }
    afterCr = isCr;
    before = chunk.length - start;
    if (!isCr) checkLength(before);
  }

  function end(): void {
    if (afterCr) fault(before, BARE_CR);
  }

  return { scan, end };
}

const BARE_CR = "is a bare CR; end lines in CRLF, or repair: { lineEnds: true }";
const BARE_LF = "is a bare LF; end lines in CRLF, or repair: { lineEnds: true }";

/** The next octet that may be NUL, LF or CR, or the end. Nearly all the time of a large mail is spent here. */
export function nextControl(chunk: Uint8Array, from: number): number {
  const { length } = chunk;
  let at = from;
  while (at < length && (chunk[at] ?? 0) > CR) at += 1;
  return at;
}
