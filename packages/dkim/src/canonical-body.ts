import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Canonical } from "./canonical-header.ts";
import { withSingleSpaces } from "./canonical-header.ts";
import type { Piece } from "./lines.ts";

/** The hash of a body that comes in pieces, in which no CR or LF stands alone. */
export interface BodyHash {
  readonly push: (piece: Piece) => void;
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
  /** Octets of line ends that may be the last. */
  let held = 0;
  let isEmpty = true;

  function hashLineEnds(count: number): void {
    for (let left = count; left > 0; left -= LINE_ENDS.length) hash.update(LINE_ENDS.subarray(0, left));
  }

  return {
    push(piece) {
      const bytes = reduce(piece);
      let end = bytes.length;
      while (end > 0 && (bytes[end - 1] === LF || bytes[end - 1] === CR)) end -= 1;
      if (end > 0) {
        hashLineEnds(held);
        hash.update(end === bytes.length ? bytes : bytes.subarray(0, end));
        isEmpty = false;
        held = 0;
      }
      held += bytes.length - end;
    },
    digest() {
      // An empty body is one empty line in `simple`, and nothing at all in `relaxed`.
      if (how === "simple" || !isEmpty) hash.update("\r\n");
      return hash.digest("base64");
    },
  };
}

const LF = 10;
const CR = 13;
const SPACE = 32;
const LINE_ENDS = Buffer.from("\r\n".repeat(4096));

function asItIs({ bytes }: Piece): Buffer {
  return bytes;
}

/** Reduces runs of white space to one space, and to none at the end of a line. A run may go on in the next piece. */
function whiteSpace(): (piece: Piece) => Buffer {
  let held = "";
  return ({ bytes, text, isPlain }) => {
    const reduced = isPlain && held === "" ? bytes : Buffer.from(relaxed(held + text), "latin1");
    held = reduced.at(-1) === SPACE ? " " : "";
    return held === "" ? reduced : reduced.subarray(0, -1);
  };
}

function relaxed(text: string): string {
  return withSingleSpaces(text).replaceAll(" \r", "\r");
}
