import { Buffer } from "node:buffer";

/** The longest encoded word, delimiters included (RFC 2047 §2). */
const LONGEST = 75;
const FRAME = "=?UTF-8?Q??=".length;
/** What any of our words needs to hold at least one character, four octets of UTF-8. */
const LEAST = FRAME + 12;

/** Columns per octet up to which a word is left readable: Latin letters with accents stay below, other scripts do not. */
const READABLE = 2.2;

/** What stands for itself in a word of a phrase, the strictest place (RFC 2047 §5 (3)). */
const LITERAL = /[\w!*+/-]/;

/** What an octet looks like in a word: itself, `_` for the space, else `=XX`. */
const QUOTED: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  const character = String.fromCharCode(octet);
  if (character === " ") return "_";
  if (LITERAL.test(character) && character !== "_") return character;
  return `=${octet.toString(16).toUpperCase().padStart(2, "0")}`;
});

/**
 * Text as encoded words of UTF-8, each of whole characters and at most 75 columns (RFC 2047). A receiver joins them
 * to exactly this text. `room` is the number of columns left on the line for the first.
 */
export function encodeWords(text: string, room: number = LONGEST): string[] {
  const octets = Buffer.from(text);
  const first = room < LEAST ? LONGEST : Math.min(room, LONGEST);
  let quotedLength = 0;
  for (const octet of octets) quotedLength += QUOTED[octet]?.length ?? 0;
  const isReadable = quotedLength <= READABLE * octets.length;
  return isReadable ? quotedWords(octets, first) : base64Words(octets, first);
}

function base64Words(octets: Buffer, first: number): string[] {
  const words: string[] = [];
  let limit = first;
  for (let at = 0; at < octets.length; limit = LONGEST) {
    const end = characterStart(octets, at + Math.floor((limit - FRAME) / 4) * 3);
    words.push(`=?UTF-8?B?${octets.toString("base64", at, end)}?=`);
    at = end;
  }
  return words;
}

function quotedWords(octets: Buffer, first: number): string[] {
  const words: string[] = [];
  let word = "";
  let limit = first;
  for (let at = 0; at < octets.length; ) {
    const end = characterStart(octets, at + 1, 1);
    let character = "";
    for (; at < end; at += 1) character += QUOTED[octets[at] ?? 0] ?? "";
    if (word.length + character.length > limit - FRAME) {
      words.push(`=?UTF-8?Q?${word}?=`);
      word = "";
      limit = LONGEST;
    }
    word += character;
  }
  words.push(`=?UTF-8?Q?${word}?=`);
  return words;
}

/** The nearest start of a character at or before `at`, or after it with a `step` of 1. */
function characterStart(octets: Buffer, at: number, step: 1 | -1 = -1): number {
  let start = Math.min(at, octets.length);
  while (isContinuation(octets[start])) start += step;
  return start;
}

function isContinuation(octet: number | undefined): boolean {
  return octet !== undefined && octet >> 6 === 0b10;
}
