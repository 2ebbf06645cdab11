const LONGEST = 1000;

/** A note that every store can keep: one line, and not too long. */
export function noteOf(text: string): string {
  // A cut may go through a character, and not every store can keep half of one.
  return text.replaceAll(/\p{Cc}+/gu, " ").slice(0, LONGEST).toWellFormed();
}
