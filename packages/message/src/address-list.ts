import type { Address, Group } from "@postroad/core";
import { failWith, shown } from "./address-error.ts";
import { PLAIN_MAILBOX, checkMailbox, isWithinLimits, joinMailbox } from "./address-mailbox.ts";
import type { Cursor, Word } from "./address-scan.ts";
import { readDomain, readWords, skipComments, skipSeparators } from "./address-scan.ts";

/** More than any one list can mean. */
const MAX_ENTRIES = 100_000;

const NAME_WORD = String.raw`[\w!#$%&'*+/=?^\`{|}~.\u00a1-\ud7ff-]{1,80}`;
/** `ann@x` or `Ann Smith <ann@x>`, then a comma or the end: most lists hold nothing else. */
const PLAIN_ENTRY = new RegExp(
  String.raw`[ \t]{0,80}(?:(${NAME_WORD}(?: ${NAME_WORD}){0,9}) ?<(${PLAIN_MAILBOX})>|(${PLAIN_MAILBOX}))[ \t]{0,80}(?:,|$)`,
  "y",
);
const PLAIN_ANGLE = new RegExp(`<(${PLAIN_MAILBOX})>`, "y");
/** Controls and line breaks; a tab is white space. */
const CONTROL = /[^\P{Cc}\t]/u;

/**
 * Reads a list of addresses as people write it (RFC 5322 §3.4): `Ann <ann@x>, bob@y, "Smith, John" <j@z>`, groups such
 * as `Team: a@x, b@y;`, comments in parentheses. Every address comes out as `checkMailbox` returns it.
 *
 * What could be read in two ways has one reading or is an error:
 * - Only what follows the grammar as an address is one. Text in quotes or in a comment never is, and comments are
 *   dropped, not taken for names.
 * - A display name with any of `()<>[]:;@\,"` needs quotes; dots and letters beyond ASCII do not.
 * - A semicolon separates as a comma does, except that it ends a group. After a group comes a comma or the end.
 * - Empty entries between commas count for nothing. A list without any address or group is an error.
 * - White space and comments may stand around a local part and around a domain, not inside them: `a . b@x` and
 *   `<@relay:a@b>` of the obsolete syntax (RFC 5322 §4.4) are refused. So are control characters and line breaks.
 * - Lone surrogates become U+FFFD, which a name may hold and an address not.
 *
 * Linear in the length of the input. Throws a MessageError that names `path`; a list has 100 000 entries at most.
 */
export function parseAddresses(input: string, path: string): (Address | Group)[] {
  const cursor: Cursor = { text: input.toWellFormed(), at: 0, path, fail: failWith(path, input) };
  const list: (Address | Group)[] = [];
  let isPlain = true;
  do {
    const plain = readPlain(cursor);
    if (plain === undefined && isPlain && CONTROL.test(input)) cursor.fail("has a control character or line break");
    isPlain &&= plain !== undefined;
    const entry = plain ?? readEntry(cursor);
    if (entry !== undefined) list.push(entry);
    if (list.length > MAX_ENTRIES) cursor.fail(`has more than ${MAX_ENTRIES} entries`);
  } while (cursor.at < cursor.text.length);
  if (list.length === 0) cursor.fail("holds no address");
  return list;
}

/** An entry of the plain kind and the comma behind it; undefined, and nothing read, where there is something else. */
function readPlain(cursor: Cursor): Address | undefined {
  PLAIN_ENTRY.lastIndex = cursor.at;
  const [, name, named, address = named] = PLAIN_ENTRY.exec(cursor.text) ?? [];
  if (address === undefined || !isWithinLimits(address)) return undefined;
  cursor.at = PLAIN_ENTRY.lastIndex;
  return name === undefined ? { address } : { address, name };
}

/** One entry and the separators behind it; undefined where nothing stands before the first of them. */
function readEntry(cursor: Cursor): Address | Group | undefined {
  const start = cursor.at;
  const words = readWords(cursor);
  const isGroup = cursor.text[cursor.at] === ":";
  const entry = isGroup ? readGroup(cursor, words) : readAddress(cursor, words, start);
  const next = cursor.text[cursor.at];
  if (next !== undefined && next !== "," && (next !== ";" || isGroup)) unexpected(cursor, "a comma or the end");
  skipSeparators(cursor);
  return entry;
}

function readGroup(cursor: Cursor, words: readonly Word[]): Group {
  if (words.length === 0) cursor.fail("has a group without a name");
  const members: Address[] = [];
  do {
    cursor.at += 1;
    const from = cursor.at;
    const member = readAddress(cursor, readWords(cursor), from);
    if (member !== undefined) members.push(member);
    if (members.length > MAX_ENTRIES) cursor.fail(`has a group of more than ${MAX_ENTRIES} addresses`);
  } while (cursor.text[cursor.at] === ",");
  if (cursor.text[cursor.at] === undefined) cursor.fail("has a group that no semicolon ends");
  if (cursor.text[cursor.at] !== ";") unexpected(cursor, "a comma or the semicolon that ends the group");
  cursor.at += 1;
  skipComments(cursor);
  return { name: phrase(words), members };
}

function readAddress(cursor: Cursor, words: readonly Word[], start: number): Address | undefined {
  const next = cursor.text[cursor.at];
  if (next === "@") return { address: readMailbox(cursor, words, start) };
  if (next === "<") {
    const address = readAngle(cursor, start);
    skipComments(cursor);
    const name = phrase(words);
    return name === "" ? { address } : { address, name };
  }
  if (words.length > 0) failWith(cursor.path, cursor.text.slice(start, cursor.at).trim())("is not an address: it has no @");
  return undefined;
}

function readAngle(cursor: Cursor, start: number): string {
  PLAIN_ANGLE.lastIndex = cursor.at;
  const plain = PLAIN_ANGLE.exec(cursor.text)?.[1];
  if (plain !== undefined && isWithinLimits(plain)) {
    cursor.at = PLAIN_ANGLE.lastIndex;
    return plain;
  }
  cursor.at += 1;
  const address = readMailbox(cursor, readWords(cursor), start);
  if (cursor.text[cursor.at] !== ">") unexpected(cursor, "the > that ends the address");
  cursor.at += 1;
  return address;
}

/** From the `@` on; `words` is what stood before it, `start` where the entry began. */
function readMailbox(cursor: Cursor, words: readonly Word[], start: number): string {
  if (cursor.text[cursor.at] !== "@") unexpected(cursor, "an address with an @");
  cursor.at += 1;
  const domain = readDomain(cursor);
  skipComments(cursor);
  const local = words.map(({ text }) => text).join("");
  const isAtom = words.every(({ kind, spaced }, i) => kind !== "quoted" && (!spaced || i === 0));
  if (isAtom) return checkMailbox(`${local}@${domain}`, cursor.path);
  const fail = failWith(cursor.path, cursor.text.slice(start, cursor.at).trim());
  return words.length === 1 ? joinMailbox(local, domain, fail) : fail("is neither local@domain nor Name <local@domain>");
}

/** A display name: words with one space where any white space was. */
function phrase(words: readonly Word[]): string {
  return words
    .map(({ text, spaced }) => (spaced ? ` ${text}` : text))
    .join("")
    .trim();
}

function unexpected(cursor: Cursor, wanted: string): never {
  const found = cursor.text.codePointAt(cursor.at);
  const what = found === undefined ? "ends" : `has ${shown(String.fromCodePoint(found))} at character ${cursor.at + 1}`;
  return cursor.fail(`${what} where ${wanted} should be`);
}
