import { encodeWords } from "./encoded-word.ts";
import { WIDTH, field, isFoldable } from "./fold.ts";

/** Printable ASCII with no white space at either end, where parsers would drop it. */
const PLAIN = /^[!-~](?:[\t -~]*[!-~])?$/;

/**
 * A field of free text: as it is where that is printable ASCII, else with encoded words from the first word that needs
 * it to the last (RFC 2047 §5 (1)). Text that looks like an encoded word is encoded, so that it arrives as it is.
 */
export function textField(name: string, value: string): string {
  const isPlain = (PLAIN.test(value) || value === "") && !value.includes("=?");
  if (isPlain && isFoldable(value)) return field(name, value);
  const [start, end] = isPlain ? [0, value.length] : encodedRange(value);
  const words = encodeWords(value.slice(start, end), start === 0 ? WIDTH - name.length - 2 : undefined);
  return field(name, value.slice(0, start) + words.join(" ") + value.slice(end));
}

/** From the first word that cannot stand as it is to the end of the last one. */
function encodedRange(value: string): [start: number, end: number] {
  const firstOdd = value.search(/[^\t -~]|^[\t ]|=\?/);
  const first = firstOdd === -1 ? value.length - 1 : firstOdd;
  let last = value.length - 1;
  while (last > first && !isOdd(value, last)) last -= 1;
  return [wordStart(value, first), wordEnd(value, last)];
}

function isOdd(value: string, at: number): boolean {
  const code = value.charCodeAt(at);
  const isLastSpace = at === value.length - 1 && isSpace(value, at);
  return code > 0x7e || isLastSpace || value.startsWith("=?", at);
}

function wordStart(value: string, at: number): number {
  let start = at;
  while (start > 0 && !isSpace(value, start - 1)) start -= 1;
  return start;
}

function wordEnd(value: string, at: number): number {
  let end = at + 1;
  while (end < value.length && !isSpace(value, end)) end += 1;
  return end;
}

function isSpace(value: string, at: number): boolean {
  return value[at] === " " || value[at] === "\t";
}

const ATOMS = /^[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*$/;
const QUOTABLE = /^[ -~]*$/;
/** Longer names are encoded: encoded words fold, a quoted string should not. */
const LONGEST_NAME = 66;

/** A display name as words that stay whole (RFC 5322 §3.2.5): atoms, one quoted string, or encoded words. */
export function phrase(name: string, room?: number): string[] {
  if (name.length <= LONGEST_NAME && !name.includes("=?")) {
    if (ATOMS.test(name)) return [name];
    if (QUOTABLE.test(name)) return [`"${name.replace(/["\\]/g, "\\$&")}"`];
  }
  return encodeWords(name, room);
}
