/** RFC 5322 §2.1.1 wants 78 columns, RFC 2047 §2 wants 76 where there are encoded words: the stricter serves both. */
export const WIDTH = 76;

/** A header field on as many lines as it needs, folded only before white space that is there already. */
export function field(name: string, value: string): string {
  const line = `${name}: ${value}\r\n`;
  if (line.length <= WIDTH + 2) return line;
  return foldTokens(name, wordsOf(value));
}

/** Octets of a line, without CRLF (RFC 5322 §2.1.1). */
export const LONGEST_LINE = 998;
/** Leaves room for the rest of a line. */
const LONGEST_WORD = 900;

/** Can the value, free of white space at its end, be folded into lines that are short enough? */
export function isFoldable(value: string): boolean {
  return value.length <= LONGEST_WORD || wordsOf(value).every((word) => word.length <= LONGEST_WORD);
}

/** The words, each with the white space before it. */
function wordsOf(value: string): string[] {
  return value.match(/[\t ]*[^\t ]+/g) ?? [];
}

/** A header field of tokens that stay whole; between them stands a space or a fold. */
export function fieldOfTokens(name: string, tokens: readonly string[]): string {
  const line = `${name}: ${tokens.join(" ")}\r\n`;
  if (line.length <= WIDTH + 2) return line;
  return foldTokens(
    name,
    tokens.map((token, i) => (i === 0 ? token : ` ${token}`)),
  );
}

/** Each token but the first begins with its white space. No line is without a token, so none is only white space. */
function foldTokens(name: string, tokens: readonly string[]): string {
  let text = `${name}:`;
  let column = text.length;
  for (const [i, token] of tokens.entries()) {
    const piece = i === 0 ? ` ${token}` : token;
    const fits = column + piece.length <= WIDTH;
    const helps = i > 0 || piece.length <= WIDTH || column + piece.length > LONGEST_LINE;
    if (!fits && helps) text += "\r\n";
    column = fits || !helps ? column + piece.length : piece.length;
    text += piece;
  }
  return `${text}\r\n`;
}
