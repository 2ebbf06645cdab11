const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** What no text of a mail may hold (RFC 5321 §2.3.8, §4.5.3.1.6; RFC 6152 §3). */
export type TextFault = "bare CR" | "bare LF" | "NUL" | "long line";

/** Reads the text of a mail, however it is cut into chunks. */
export interface TextScanner {
  /** The first thing that was wrong. Text goes on to its end all the same: what follows must not pass for commands. */
  readonly fault: TextFault | undefined;
  /** The lone dot has come. */
  readonly ended: boolean;
  /** No line is left without its CRLF. */
  readonly complete: boolean;
  /** Hands the text in `chunk` to `emit`, up to the first fault. Returns how many octets were the text's, dots included. */
  scan(chunk: Buffer, emit: (text: Buffer) => void): number;
}

/** Where the next octet stands: at the start of a line, in it, behind its CR, behind a first dot, behind dot and CR. */
const START = 0;
const INSIDE = 1;
const RETURN = 2;
const DOTTED = 3;
const DOTTED_RETURN = 4;

/**
 * With `dots` the text is that of DATA: a first dot of a line goes, and only CRLF dot CRLF ends it (RFC 5321 §4.5.2).
 * A bare CR, a bare LF or a NUL in the neighbourhood of a dot is what SMTP smuggling is made of: each is a fault.
 */
export function textScanner({ dots, maxLine }: { readonly dots: boolean; readonly maxLine: number }): TextScanner {
  let state = START;
  let fault: TextFault | undefined;
  let ended = false;
  /** Octets of the line in earlier chunks. */
  let before = 0;

  function found(what: TextFault): void {
    fault ??= what;
  }

  /** State behind an octet inside a line. */
  function inside(octet: number): number {
    if (octet === CR) return RETURN;
    if (octet === LF) found("bare LF");
    else if (octet === NUL) found("NUL");
    return INSIDE;
  }

  function scan(chunk: Buffer, emit: (text: Buffer) => void): number {
    const { length } = chunk;
    let from = 0;
    let lineStart = -before;
    function pass(to: number): void {
      if (to > from && fault === undefined) emit(from === 0 && to === length ? chunk : chunk.subarray(from, to));
    }
    for (let at = 0; at < length; at += 1) {
      const octet = chunk[at] ?? 0;
      if (octet > CR && state === INSIDE) continue;
      if (state === START && dots && octet === DOT) {
        pass(at);
        from = at + 1;
        state = DOTTED;
      } else if (state === RETURN && octet === LF) {
        state = START;
        lineStart = at + 1;
      } else if (state === DOTTED && octet === CR) {
        state = DOTTED_RETURN;
        from = at + 1;
      } else if (state === DOTTED_RETURN && octet === LF) {
        ended = true;
        return at + 1;
      } else {
        if (state === RETURN || state === DOTTED_RETURN) found("bare CR");
        state = inside(octet);
        if (state === RETURN && at - lineStart > maxLine) found("long line");
      }
    }
    before = length - lineStart;
    if (before > maxLine + 1) found("long line");
    pass(length);
    return length;
  }

  return {
    get fault() {
      return fault;
    },
    get ended() {
      return ended;
    },
    get complete() {
      return state === START;
    },
    scan,
  };
}
