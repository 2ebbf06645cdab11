import { Refusal } from "@postroad/core";
import { Buffer } from "node:buffer";

/** Bytes looked at in one go: small enough to stay in cache. */
const WINDOW = 64 * 1024;
const BARE = /\r(?!\n)|(?<!\r)\n/;

/** Takes bytes and gives text. */
export interface Lines {
  push(bytes: Uint8Array): void;
  end(): void;
}

/**
 * Turns chunks into text, one character per octet, in pieces that never end within a CRLF. Refuses a CR or LF that
 * stands alone: a server on the way would make a line end of it, and break the signature (RFC 6376 §5.3).
 */
export function lines(take: (text: string) => void): Lines {
  let offset = 0;
  let carry = "";

  function pushWindow(bytes: Buffer): void {
    const all = carry + bytes.toString("latin1");
    const text = all.endsWith("\r") ? all.slice(0, -1) : all;
    const bare = BARE.exec(text);
    if (bare !== null) throw bareEnd(offset - carry.length + bare.index, bare[0] === "\r" ? "CR" : "LF");
    offset += bytes.byteLength;
    carry = text === all ? "" : "\r";
    if (text !== "") take(text);
  }

  return {
    push(bytes) {
      const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < chunk.byteLength; at += WINDOW) pushWindow(chunk.subarray(at, at + WINDOW));
    },
    end() {
      if (carry !== "") throw bareEnd(offset - 1, "CR");
    },
  };
}

function bareEnd(octet: number, what: "CR" | "LF"): Refusal {
  return new Refusal("5.6.0", `the message has a bare ${what} at octet ${octet}, which would not arrive as it was signed`, {
    phase: "sign",
    advice: "End every line with CRLF: compose with createMessage, or repair with rawMail.",
  });
}
