import { isAscii } from "node:buffer";
import { Refusal } from "@postroad/core";
import { COLUMN_SHIFT, DOTS, EIGHT_BIT, SUSPECT, WINDOW, scan } from "./scan.ts";

/** Longest text line without its CRLF (RFC 5321 §4.5.3.1.6). */
const MAX_LINE = 998;
const CR = 0x0d;

/**
 * Looks at the lines of a mail as its chunks come. Refuses a CR or LF that stands alone, from which SMTP smuggling is
 * made (RFC 5321 §2.3.8), and a line over 998 octets. Nothing is repaired here: changed bytes would break signatures.
 * A class for the reason that Transaction is one.
 */
export class LineCheck {
  /** Octets seen; those of them since the last LF; and whether the last is a CR. */
  #offset = 0;
  #column = 0;
  #afterCr = false;
  #found = 0;

  push(chunk: Buffer): void {
    if (chunk.byteLength <= WINDOW) this.#look(chunk);
    else for (let at = 0; at < chunk.byteLength; at += WINDOW) this.#look(chunk.subarray(at, at + WINDOW));
  }

  /** The mail is complete. */
  end(): void {
    if (this.#afterCr) throw badLine(this.#offset - 1, "a bare CR");
    if (this.#column > MAX_LINE) throw badLine(this.#offset - this.#column, `a line over ${MAX_LINE} octets`);
  }

  /** There were bytes over 127. */
  get eightBit(): boolean {
    return (this.#found & EIGHT_BIT) !== 0;
  }

  /** There may be a line that begins with a dot. */
  get dots(): boolean {
    return (this.#found & DOTS) !== 0;
  }

  #look(window: Buffer): void {
    if (window.byteLength === 0) return;
    const seen = scan(window, this.#column, this.#afterCr);
    this.#found |= seen;
    if ((seen & SUSPECT) === 0) this.#column = seen >>> COLUMN_SHIFT;
    else this.#lookCloser(window);
    this.#offset += window.byteLength;
    this.#afterCr = window[window.byteLength - 1] === CR;
  }

  /** Throws for what is wrong, and says where. Where a CR ends the window, nothing may be. */
  #lookCloser(window: Buffer): void {
    const carry = this.#afterCr ? "\r" : "";
    const text = carry + window.toString("latin1");
    const base = this.#offset - carry.length;
    const bare = /\r(?!\n|$)|(?<!\r)\n/.exec(text);
    if (bare !== null) throw badLine(base + bare.index, bare[0] === "\r" ? "a bare CR" : "a bare LF");
    this.#column = checkLengths(text, this.#column - carry.length, base);
    this.#found |= isAscii(window) ? DOTS : DOTS | EIGHT_BIT;
  }
}

/** Jumps from line end to line end a thousand octets at a time. Returns the length of the unfinished last line. */
function checkLengths(text: string, column: number, base: number): number {
  let start = -column;
  while (start + MAX_LINE + 2 <= text.length) {
    const end = text.lastIndexOf("\n", start + MAX_LINE + 1);
    if (end < start || end < 0) throw badLine(base + start, `a line over ${MAX_LINE} octets`);
    start = end + 1;
  }
  const last = text.lastIndexOf("\n");
  return last === -1 ? column + text.length : text.length - last - 1;
}

function badLine(offset: number, what: string): Refusal {
  return new Refusal("5.6.0", `the message has ${what} at octet ${offset}`, {
    phase: "body",
    advice: "End every line with CRLF within 998 octets: compose with createMessage, or repair with rawMail.",
  });
}
