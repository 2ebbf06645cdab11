import { Refusal } from "@postroad/core";
import { Buffer } from "node:buffer";

/** Some octets of a message, and whether they are in relaxed form already: no tab, no two spaces, none before a CR. */
export type TakePiece = (bytes: Buffer, isPlain: boolean) => void;

export interface Lines {
  push(bytes: Uint8Array): void;
  end(): void;
}

/** Octets looked at in one go: small enough to stay in cache. */
const WINDOW = 64 * 1024;
const BARE = /\r(?!\n)|(?<!\r)\n/;
const REDUCIBLE = /\t| [ \r]/;

/**
 * Looks at every octet of a message. Refuses a CR or LF that stands alone: a server on the way would make a line end of
 * it, and break the signature (RFC 6376 §5.3). Whoever takes the pieces can rely on it.
 */
export function lines(take: TakePiece): Lines {
  let offset = 0;
  /** The octet before the window, where what it is depends on the next. */
  let carry = "";

  function pushWindow(bytes: Buffer): void {
    const text = carry + bytes.toString("latin1");
    const last = text.at(-1) ?? "";
    const bare = BARE.exec(last === "\r" ? text.slice(0, -1) : text);
    if (bare !== null) throw bareEnd(bare[0], offset - carry.length + bare.index);
    const isPlain = !REDUCIBLE.test(text);
    offset += bytes.length;
    carry = last === "\r" || last === " " ? last : "";
    take(bytes, isPlain);
  }

  return {
    push(bytes) {
      const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < chunk.byteLength; at += WINDOW) pushWindow(chunk.subarray(at, at + WINDOW));
    },
    end() {
      if (carry === "\r") throw bareEnd(carry, offset - 1);
    },
  };
}

function bareEnd(what: string, octet: number): Refusal {
  const name = what === "\r" ? "CR" : "LF";
  return new Refusal("5.6.0", `the message has a bare ${name} at octet ${octet}, which would not arrive as it was signed`, {
    phase: "sign",
    advice: "End every line with CRLF: compose with createMessage, or repair with rawMail.",
  });
}
