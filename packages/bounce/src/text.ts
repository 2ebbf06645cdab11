import { Buffer } from "node:buffer";

/** Octets of a word that still fits a line, which has 998 (RFC 5322 §2.1.1). No address is longer. */
const LONGEST_WORD = 900;
/** What is left of a text from outside. */
const LONGEST_TEXT = 1000;
const WIDTH = 76;

/** What nobody sees or what changes how the rest looks; and what begins an escape. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/u;
const BEYOND_ASCII = /[^ -~]/;

/** What a field may hold: printable ASCII, or all that can be seen (RFC 6533 §4). */
export type Charset = "ascii" | "utf-8";

/**
 * Text from outside on one line that is safe to write anywhere: white space of any kind becomes one space, what cannot
 * be seen or is beyond the charset an escape, `\x{1B}` (RFC 6533 §3), and what is longer than 1000 characters is cut.
 */
export function oneLine(text: string, charset: Charset): string {
  const unsafe = charset === "ascii" ? BEYOND_ASCII : UNSAFE;
  const isCut = text.length > LONGEST_TEXT;
  let line = "";
  for (const character of text.slice(0, LONGEST_TEXT).toWellFormed().replaceAll(/\s+/g, " ").trim()) {
    line += unsafe.test(character) ? escaped(character) : character;
    if (line.length > LONGEST_TEXT) return `${line} ...`;
  }
  return isCut ? `${line} ...` : line;
}

/** The 7-bit form of an international address (RFC 6533 §3, utf-8-addr-xtext). */
export function escapedAddress(address: string): string {
  return address.replaceAll(/[^!-~]|[\\+=]/gu, escaped);
}

function escaped(character: string): string {
  return `\\x{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, "0")}}`;
}

/** A header field, folded at spaces; a word that no line could hold is cut. */
export function field(name: string, value: string): string {
  return `${wrapped(`${name}: ${value}`, WIDTH).join("\r\n ")}\r\n`;
}

/** Lines of at most `width` characters where words are not longer. None is empty. */
export function wrapped(text: string, width: number = WIDTH): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap(cut)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return line === "" ? lines : [...lines, line];
}

function cut(word: string): string[] {
  return Buffer.byteLength(word) <= LONGEST_WORD ? [word] : (word.match(/.{1,200}/gsu) ?? []);
}

/** RFC 5322 §3.3, with the zone in digits. */
export function dateTime(milliseconds: number): string {
  return new Date(milliseconds).toUTCString().replace("GMT", "+0000");
}
