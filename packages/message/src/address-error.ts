import type { MessageIssue } from "./errors.ts";
import { MessageError } from "./errors.ts";

/** Ends the check of one value: throws a MessageError for the path it was made for. */
export type Fail = (why: string) => never;

/** A `Fail` for the address `given` at `path`: 5.1.7 for whoever sends, 5.1.3 for everybody else (RFC 3463 §3.2). */
export function failWith(path: string, given: string): Fail {
  return (why) => {
    const status = /^(?:envelope\.|resent-)?(?:from|sender)/i.test(path) ? "5.1.7" : "5.1.3";
    throw messageError({ path, message: `${shown(given)} ${why}`, status });
  };
}

export function messageError(...issues: readonly [MessageIssue, ...MessageIssue[]]): MessageError {
  return new MessageError(issues);
}

const LONGEST_SHOWN = 80;
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text as an error may show it: quoted, cut to 80 characters, controls and other invisible characters escaped. */
export function shown(text: string): string {
  const cut = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN).toWellFormed()}…` : text;
  return JSON.stringify(cut).replace(INVISIBLE, escaped);
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
