/** A tag of a signature; a list may be folded between its items. */
export type Tag = readonly [name: string, value: string | readonly string[]];

/** Columns of a line, white space in front included, where its words let it. */
const WIDTH = 76;

/**
 * A header field that holds a list of tags (RFC 6376 §3.2), folded, and ends with `b=` on a line of its own. What is
 * put behind it later cannot change how the rest is folded, so what is signed is what is sent.
 */
export function unsignedField(name: string, tags: readonly Tag[]): string {
  let field = `${name}:`;
  let column = field.length;
  for (const word of tags.flatMap(wordsOf)) {
    const fits = column + word.length <= WIDTH;
    field += fits ? word : `\r\n ${word.trimStart()}`;
    column = fits ? column + word.length : word.trimStart().length + 1;
  }
  return `${field}\r\n b=`;
}

/** The field with its signature, and the CRLF at its end. */
export function signedField(unsigned: string, signature: string): string {
  const lines = signature.match(/.{1,72}/g) ?? [];
  return `${unsigned}${lines.join("\r\n ")}\r\n`;
}

/** What must stay on one line, with the space in front of it. */
function wordsOf([name, value]: Tag): readonly string[] {
  if (typeof value === "string") return [` ${name}=${value};`];
  return value.map((item, index) => {
    const start = index === 0 ? ` ${name}=` : "";
    return `${start}${item}${index === value.length - 1 ? ";" : ":"}`;
  });
}

/** The tags of a list by name, white space removed (RFC 6376 §3.2). Undefined where it is none, or a name repeats. */
export function parseTags(text: string): ReadonlyMap<string, string> | undefined {
  const tags = new Map<string, string>();
  for (const part of text.replace(/;[ \t\r\n]*$/, "").split(";")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0)).trim();
    if (!/^[a-z][a-z0-9_]*$/i.test(name) || tags.has(name)) return undefined;
    tags.set(name, part.slice(equals + 1).replaceAll(/[ \t\r\n]/g, ""));
  }
  return tags;
}
