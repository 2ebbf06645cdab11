import { Buffer } from "node:buffer";
import { WIDTH } from "./fold.ts";

/** What a quoted string holds without escapes; some parsers do not undo those. */
const QUOTABLE = /^[ !#-[\]-~]*$/;
const LONGEST_QUOTED = 60;

/** Octets that stand for themselves in an extended value: attribute-char of RFC 2231 §7. */
const LITERAL: ReadonlySet<number> = new Set(
  Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{}~"),
);

/**
 * A parameter of Content-Type or Content-Disposition: quoted where that says it all, else extended by RFC 2231 with
 * charset and, past one line, continuations. Each string is one line's worth.
 */
export function parameter(name: string, value: string): string[] {
  if (isSimple(value)) return [`${name}="${value}"`];
  const characters = Array.from(value, percentEncoded);
  const whole = `${name}*=utf-8''${characters.join("")}`;
  return whole.length <= WIDTH - 2 ? [whole] : continued(name, characters);
}

/** The nearest ASCII to a value, for readers that do not know RFC 2231: `résumé.pdf` gives `resume.pdf`. */
export function asciiParameter(name: string, value: string): string {
  const ascii = value
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^ !#-<>-[\]-~]/gu, "_");
  const end = ascii.slice(LONGEST_QUOTED / 2).slice(-LONGEST_QUOTED / 2);
  return `${name}="${ascii.slice(0, LONGEST_QUOTED / 2)}${end}"`;
}

/** Text that looks like an encoded word would be read as one. */
export function isSimple(value: string): boolean {
  return value.length <= LONGEST_QUOTED && QUOTABLE.test(value) && !value.includes("=?");
}

function continued(name: string, characters: readonly string[]): string[] {
  const lines: string[] = [];
  let line = `${name}*0*=utf-8''`;
  for (const character of characters) {
    if (line.length + character.length > WIDTH - 2) {
      lines.push(line);
      line = `${name}*${lines.length}*=`;
    }
    line += character;
  }
  return [...lines, line];
}

function percentEncoded(character: string): string {
  let text = "";
  for (const octet of Buffer.from(character)) {
    text += LITERAL.has(octet) ? String.fromCharCode(octet) : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}
