import { createHash } from "node:crypto";
import type { Canonical } from "./canonical-header.ts";

/** The hash of a body that comes in pieces of text, one character per octet, none of which ends within a CRLF. */
export interface BodyHash {
  push(text: string): void;
  /** SHA-256 in base64, the value of `bh=`. Called once, at the end. */
  digest(): string;
}

/**
 * Hashes the canonical form of a body (RFC 6376 §3.4.3, §3.4.4). Empty lines at the end do not count, and are only
 * counted until it is known that they are not at the end: a body of any size takes the same memory.
 */
export function bodyHash(how: Canonical): BodyHash {
  const hash = createHash("sha256");
  const reduce = how === "relaxed" ? whiteSpace() : asItIs;
  let emptyLines = 0;
  let isEmpty = true;

  function hashLines(count: number): void {
    for (let left = count; left > 0; left -= LINES_AT_ONCE) hash.update(LINES.slice(0, left * 2), "latin1");
  }

  return {
    push(given) {
      const text = reduce(given);
      let end = text.length;
      while (text.endsWith("\r\n", end)) end -= 2;
      if (end > 0) {
        hashLines(emptyLines);
        hash.update(end === text.length ? text : text.slice(0, end), "latin1");
        isEmpty = false;
        emptyLines = 0;
      }
      emptyLines += (text.length - end) / 2;
    },
    digest() {
      // An empty body is one empty line in `simple`, and nothing at all in `relaxed`.
      if (how === "simple" || !isEmpty) hash.update("\r\n");
      return hash.digest("base64");
    },
  };
}

const LINES_AT_ONCE = 4096;
const LINES = "\r\n".repeat(LINES_AT_ONCE);

function asItIs(text: string): string {
  return text;
}

/** Reduces runs of white space to one space, and to none at the end of a line. A run may go on in the next piece. */
function whiteSpace(): (text: string) => string {
  let held = "";
  return (given) => {
    const text = held + given;
    held = "";
    const reduced = REDUCIBLE.test(text) ? text.replaceAll(RUN, " ").replaceAll(" \r\n", "\r\n") : text;
    if (!reduced.endsWith(" ")) return reduced;
    held = " ";
    return reduced.slice(0, -1);
  };
}

const REDUCIBLE = /\t| [ \r]/;
const RUN = /[ \t]{2,}|\t/g;
