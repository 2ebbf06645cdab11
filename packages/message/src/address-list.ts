import type { Address, Group } from "@postroad/core";
import { failWith, shown } from "./address-error.ts";
import { checkMailbox, joinMailbox } from "./address-mailbox.ts";
import type { Cursor, Word } from "./address-scan.ts";
import { readDomain, readWords, skipComments } from "./address-scan.ts";

/** More than any one list can mean. */
const MAX_ENTRIES = 100_000;

/** `ann@x` or `Ann Smith <ann@x>`, then a comma or the end: most lists hold nothing else. */
const PLAIN_ENTRY =
  /[ \t]{0,80}(?:([\w!#$%&'*+/=?^`{|}~.\u00a1-\ud7ff-]{1,80}(?: [\w!#$%&'*+/=?^`{|}~.\u00a1-\ud7ff-]{1,80}){0,9}) ?<([\w!#$%&'*+/=?^`{|}~.@-]{1,320})>|([\w!#$%&'*+/=?^`{|}~.@-]{1,320}))[ \t]{0,80}(?:,|$)/y;

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
  const list: (Address | Group)[] = [];
  let at = 0;
  do {
    PLAIN_ENTRY.lastIndex = at;
    const [, name, named, bare = named] = PLAIN_ENTRY.exec(input) ?? [];
    if (bare === undefined || list.length === MAX_ENTRIES) {
      readEntries({ text: input.toWellFormed(), at, path, fail: failWith(path, input) }, list);
      return list;
    }
    const address = checkMailbox(bare, path);
    list.push(name === undefined ? { address } : { address, name });
    at = PLAIN_ENTRY.lastIndex;
  } while (at < input.length);
  return list;
}

function readEntries(cursor: Cursor, list: (Address | Group)[]): void {
  if (CONTROL.test(cursor.text)) cursor.fail("has a control character or line break");
  for (;;) {
    const entry = readEntry(cursor);
    if (entry !== undefined) list.push(entry);
    if (list.length > MAX_ENTRIES) cursor.fail(`has more than ${MAX_ENTRIES} entries`);
    const next = cursor.text[cursor.at];
    if (next === undefined) break;
    if (next !== "," && (next !== ";" || isGroup(entry))) unexpected(cursor, "a comma or the end");
    cursor.at += 1;
  }
  if (list.length === 0) cursor.fail("holds no address");
}

function isGroup(entry: Address | Group | undefined): boolean {
  return entry !== undefined && "members" in entry;
}

/** One address or group and the white space behind it; undefined where nothing stands before the next comma. */
function readEntry(cursor: Cursor): Address | Group | undefined {
  const start = cursor.at;
  const words = readWords(cursor);
  if (cursor.text[cursor.at] !== ":") return readAddress(cursor, words, start);
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
  if (next !== "<") {
    if (words.length > 0) failWith(cursor.path, cursor.text.slice(start, cursor.at).trim())("is not an address: it has no @");
    return undefined;
  }
  cursor.at += 1;
  const address = readMailbox(cursor, readWords(cursor), start);
  if (cursor.text[cursor.at] !== ">") unexpected(cursor, "the > that ends the address");
  cursor.at += 1;
  skipComments(cursor);
  const name = phrase(words);
  return name === "" ? { address } : { address, name };
}

/** From the `@` on; `words` is what stood before it, `start` where the entry began. */
function readMailbox(cursor: Cursor, words: readonly Word[], start: number): string {
  if (cursor.text[cursor.at] !== "@") unexpected(cursor, "an address with an @");
  cursor.at += 1;
  const domain = readDomain(cursor);
  skipComments(cursor);
  const fail = failWith(cursor.path, cursor.text.slice(start, cursor.at).trim());
  const [first, ...rest] = words;
  if (first === undefined) return fail("has nothing before the @");
  const isAtom = words.every(({ kind }) => kind !== "quoted") && rest.every(({ spaced }) => !spaced);
  if (isAtom ? !/^\.|\.\.|\.$/.test(words.map(({ text }) => text).join("")) : words.length === 1) {
    return joinMailbox(words.map(({ text }) => text).join(""), domain, fail);
  }
  return fail("is neither local@domain nor Name <local@domain>");
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
