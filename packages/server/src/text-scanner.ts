const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** What no text of a mail may hold (RFC 5321 §2.3.8, §4.5.3.1.6; RFC 6152 §3). */
export type TextFault = "bare CR" | "bare LF" | "NUL" | "long line";

/** Where the next octet stands: at the start of a line, in it, behind its CR, behind a first dot, behind dot and CR. */
const START = 0;
const INSIDE = 1;
const RETURN = 2;
const DOTTED = 3;
const DOTTED_RETURN = 4;

/** Where the next octet is that may end a line or be wrong. A loop of its own, since most octets of a mail pass through here. */
function textEnd(chunk: Buffer, from: number): number {
  const { length } = chunk;
  let at = from;
  while (at < length && (chunk[at] ?? 0) > CR) at += 1;
  return at;
}

/**
 * Reads the text of a mail, however it is cut into chunks. With `dots` it is that of DATA: a first dot of a line goes, and only
 * CRLF dot CRLF ends it (RFC 5321 §4.5.2). A bare CR, a bare LF or a NUL in the neighbourhood of a dot is what SMTP smuggling is
 * made of: each is a fault. A class, since there is one for every mail.
 */
export class TextScanner {
  /** The first thing that was wrong. The text goes on to its end all the same: what follows must not pass for commands. */
  fault: TextFault | undefined;
  /** The lone dot has come. */
  ended = false;
  readonly #dots: boolean;
  readonly #maxLine: number;
  #state = START;
  /** Octets of the line in earlier chunks, without its first dot that goes. */
  #before = 0;

  constructor(dots: boolean, maxLine: number) {
    this.#dots = dots;
    this.#maxLine = maxLine;
  }

  /** No line is left without its CRLF. */
  get complete(): boolean {
    return this.#state === START;
  }

  /** Hands the text in `chunk` to `emit`, up to the first fault. Returns how many octets were the text's, dots included. */
  scan(chunk: Buffer, emit: (text: Buffer) => void): number {
    const { length } = chunk;
    let state = this.#state;
    let from = 0;
    let lineStart = -this.#before;
    for (let at = 0; at < length; at += 1) {
      if (state === INSIDE) at = textEnd(chunk, at);
      if (at === length) break;
      const octet = chunk[at] ?? 0;
      if (state === START && octet === DOT && this.#dots) {
        this.#pass(chunk, from, at, emit);
        from = at + 1;
        // The dot is not counted (RFC 5321 §4.5.3.1.6).
        lineStart = from;
        state = DOTTED;
      } else if (state === RETURN && octet === LF) {
        state = START;
        lineStart = at + 1;
      } else if (state === DOTTED && octet === CR) {
        state = DOTTED_RETURN;
        from = at + 1;
      } else if (state === DOTTED_RETURN && octet === LF) {
        this.ended = true;
        return at + 1;
      } else {
        if (state === RETURN || state === DOTTED_RETURN) this.fault ??= "bare CR";
        state = this.#inside(octet);
        if (state === RETURN && at - lineStart > this.#maxLine) this.fault ??= "long line";
      }
    }
    this.#state = state;
    this.#before = length - lineStart;
    if (this.#before > this.#maxLine + 1) this.fault ??= "long line";
    this.#pass(chunk, from, length, emit);
    return length;
  }

  #pass(chunk: Buffer, from: number, to: number, emit: (text: Buffer) => void): void {
    if (to > from && this.fault === undefined) emit(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  /** State behind an octet inside a line. */
  #inside(octet: number): number {
    if (octet === CR) return RETURN;
    if (octet === LF) this.fault ??= "bare LF";
    else if (octet === NUL) this.fault ??= "NUL";
    return INSIDE;
  }
}
