import { isAscii } from "node:buffer";
import type { Reply } from "@postroad/core";
import { printable } from "./transcript.ts";

/** A reply may be long, but not endless (RFC 5321 §4.5.3.1.5 sets 512 octets a line; servers exceed it). */
const MAX_REPLY_BYTES = 64 * 1024;
const MAX_REPLY_LINES = 200;
const TOO_LONG = `a reply of over ${MAX_REPLY_BYTES} bytes`;

/** Turns bytes into replies, however they are cut into segments. */
export interface ReplyParser {
  /**
   * Takes bytes and hands every reply they complete to `onReply`, at once and in order. Returns what breaks the
   * protocol (RFC 5321 §4.2), after which the parser must not be used again.
   */
  push(bytes: Uint8Array): string | undefined;
  /** True while bytes of an unfinished reply are held. */
  partial(): boolean;
}

/** Reads replies of one or more lines; every line has to carry the same code (RFC 5321 §4.2.1). */
export function replyParser(onReply: (reply: Reply) => void): ReplyParser {
  /** Not taken in yet: the rest of `text` from `start` on. */
  let text = "";
  let start = 0;
  let ascii = true;
  let code = 0;
  let lines: string[] = [];
  let held = 0;

  function takeLine(line: string): string | undefined {
    const found = bareCr(line) ? 0 : codeOf(line);
    if (found === 0) return noReply(line);
    if (lines.length > 0 && found !== code) return `a reply began with ${code} and went on with ${found}`;
    code = found;
    lines.push(ascii ? line.slice(4) : decode(line.slice(4)));
    if (line[3] === "-") return lines.length < MAX_REPLY_LINES ? undefined : `a reply of over ${MAX_REPLY_LINES} lines`;
    const reply = { code, text: lines.length === 1 ? (lines[0] ?? "") : lines.join("\n") };
    lines = [];
    held = 0;
    onReply(reply);
    return undefined;
  }

  return {
    push(bytes) {
      // Latin-1 keeps one character per byte; `decode` reads UTF-8 where a line holds any.
      text = text.slice(start) + (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)).toString("latin1");
      start = 0;
      ascii = (ascii || text.length === bytes.byteLength) && isAscii(bytes);
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
        const line = text.slice(start, withoutCr(text, start, end));
        held += end + 1 - start;
        // Whoever takes the reply may ask whether there is more.
        start = end + 1;
        if (held > MAX_REPLY_BYTES) return TOO_LONG;
        const fault = takeLine(line);
        if (fault !== undefined) return fault;
      }
      if (start === text.length) {
        text = "";
        start = 0;
        return undefined;
      }
      if (text.includes("\r", start) && bareCr(text.slice(start))) return noReply(text.slice(start));
      return held + text.length - start > MAX_REPLY_BYTES ? TOO_LONG : undefined;
    },
    partial: () => start < text.length || lines.length > 0,
  };
}

/** The code of `ddd`, `ddd text` or `ddd-text` with a first digit of 2 to 5; 0 for anything else. */
function codeOf(line: string): number {
  const separator = line.charCodeAt(3);
  if (line.length < 3 || (line.length > 3 && separator !== 32 && separator !== 45)) return 0;
  const [a, b, c] = [line.charCodeAt(0) - 48, line.charCodeAt(1) - 48, line.charCodeAt(2) - 48];
  if (a < 2 || a > 5 || b < 0 || b > 9 || c < 0 || c > 9) return 0;
  return a * 100 + b * 10 + c;
}

/** QUIRK: a bare LF ends a line too, and so does CR CR LF; some appliances send it. */
function withoutCr(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && text.charCodeAt(at - 1) === 13) at -= 1;
  return at;
}

function noReply(line: string): string {
  return `not a reply line: "${printable(decode(line), 80)}"`;
}

/** A CR inside a line: whoever reads it as a line end would see other replies. */
function bareCr(line: string): boolean {
  return line.includes("\r") && /\r[^\r\n]/.test(line);
}

function decode(latin1: string): string {
  return /[\u0080-\u00ff]/.test(latin1) ? Buffer.from(latin1, "latin1").toString("utf8") : latin1;
}
