import type { Fail } from "./address-error.ts";

/** A place in a list of addresses. Every read moves `at` forward, so that reading all of it is linear. */
export interface Cursor {
  readonly text: string;
  at: number;
  readonly path: string;
  readonly fail: Fail;
}

/** One piece of a phrase or local part; quoting is undone. */
export interface Word {
  readonly text: string;
  readonly kind: "atom" | "quoted" | "dot";
  /** White space or a comment stands before it. */
  readonly spaced: boolean;
}

/** RFC 5322 has no limit for comments in comments; nobody means more than this. */
const MAX_DEPTH = 50;
/** Words and dots of one display name. */
const MAX_WORDS = 200;
const ATOM = /[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+/y;
const SEPARATORS = /[,; \t]+/y;
const DOTTED = /[\w!#$%&'*+/=?^`{|}~\u0080-\uffff.-]+/y;

/** The words up to the next special character; comments are skipped. */
export function readWords(cursor: Cursor): Word[] {
  const words: Word[] = [];
  for (;;) {
    if (words.length > MAX_WORDS) cursor.fail(`has more than ${MAX_WORDS} words before an address`);
    const spaced = skipComments(cursor);
    const next = cursor.text[cursor.at];
    if (next === '"') {
      words.push({ text: readQuoted(cursor), kind: "quoted", spaced });
    } else if (next === ".") {
      cursor.at += 1;
      words.push({ text: ".", kind: "dot", spaced });
    } else {
      const text = readRun(cursor, ATOM);
      if (text === "") return words;
      words.push({ text, kind: "atom", spaced });
    }
  }
}

/** A domain or address literal with what surrounds it; `""` where there is none. */
export function readDomain(cursor: Cursor): string {
  skipComments(cursor);
  const { text, at } = cursor;
  if (text[at] !== "[") return readRun(cursor, DOTTED);
  const end = text.indexOf("]", at);
  if (end === -1) cursor.fail("has an address literal that no ] ends");
  cursor.at = end + 1;
  return text.slice(at, end + 1);
}

/** Moves past white space and comments; true if there were any. */
export function skipComments(cursor: Cursor): boolean {
  const start = cursor.at;
  for (;;) {
    const next = cursor.text[cursor.at];
    if (next === " " || next === "\t") cursor.at += 1;
    else if (next === "(") skipComment(cursor);
    else return cursor.at > start;
  }
}

/** Moves past commas, semicolons and white space: empty entries count for nothing. */
export function skipSeparators(cursor: Cursor): void {
  readRun(cursor, SEPARATORS);
}

function skipComment(cursor: Cursor): void {
  let depth = 0;
  do {
    const next = cursor.text[cursor.at];
    if (next === undefined) cursor.fail("has a comment that no ) ends");
    if (next === "(") depth += 1;
    if (next === ")") depth -= 1;
    if (depth > MAX_DEPTH) cursor.fail(`has comments nested more than ${MAX_DEPTH} deep`);
    cursor.at += next === "\\" ? 2 : 1;
  } while (depth > 0);
}

function readQuoted(cursor: Cursor): string {
  const start = cursor.at + 1;
  let end = start;
  while (end < cursor.text.length && cursor.text[end] !== '"') end += cursor.text[end] === "\\" ? 2 : 1;
  if (end >= cursor.text.length) cursor.fail('has a quoted string that no " ends');
  cursor.at = end + 1;
  const text = cursor.text.slice(start, end);
  return text.includes("\\") ? text.replace(/\\(.)/gsu, "$1") : text;
}

function readRun(cursor: Cursor, characters: RegExp): string {
  characters.lastIndex = cursor.at;
  const text = characters.exec(cursor.text)?.[0] ?? "";
  cursor.at += text.length;
  return text;
}
