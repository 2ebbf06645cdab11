/** Text from the other side, safe for a log or a terminal: controls escaped, length capped. */
export function printable(text: string, limit: number): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

const PRINTABLE = /^[ -~]*$/;

/** The same for a reply or a trace field: nothing but printable ASCII is left. */
export function ascii(text: string, limit: number): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text;
  return PRINTABLE.test(cut) ? cut : cut.toWellFormed().replace(/[^ -~]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
