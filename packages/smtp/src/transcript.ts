/** The last lines of a conversation, kept for the day it fails. */
export interface Transcript {
  /** What we said: one or more whole lines. */
  client(text: string): void;
  /** What the server said. */
  server(code: number, text: string): void;
  /** From now on these do not show, whoever says them. */
  hide(secrets: readonly string[]): void;
  /** The text without what is hidden. */
  clean(text: string): string;
  /** Something is hidden: no text may be shown of which a part was cut off. */
  secretive(): boolean;
  /** `C: …` and `S: …`, oldest first; control characters escaped, each at most 200 characters. */
  lines(): readonly string[];
}

const KEPT = 12;
const MAX_LENGTH = 200;
/** What is shorter stands in every other line by chance. */
const SHORTEST_SECRET = 4;

/** Costs two array writes per entry; lines are cut and cleaned only when somebody asks. Secrets must not be given. */
export function transcript(): Transcript {
  /** The last entries in turn, of which `oldest` is the one to go next; with the code where it is the server's, else 0. */
  const texts: string[] = [];
  const codes: number[] = [];
  let oldest = 0;
  const hidden: string[] = [];

  function clean(text: string): string {
    if (hidden.length === 0) return text;
    return hidden.reduce((cleaned, secret) => cleaned.replaceAll(secret, "***"), text);
  }

  function keep(code: number, text: string): void {
    texts[oldest] = text;
    codes[oldest] = code;
    oldest = oldest === KEPT - 1 ? 0 : oldest + 1;
  }

  function entryLines(index: number): readonly string[] {
    const [text, code] = [texts[index], codes[index]];
    if (text === undefined) return [];
    return code === 0 ? readable("C", clean(text)) : readable("S", clean(`${code} ${text}`));
  }

  return {
    client: (text) => keep(0, text),
    server: keep,
    hide: (secrets) => void hidden.push(...secrets.filter((secret) => secret.length >= SHORTEST_SECRET)),
    clean,
    secretive: () => hidden.length > 0,
    lines: () => Array.from({ length: KEPT }, (_, turn) => entryLines((oldest + turn) % KEPT)).flat().slice(-KEPT),
  };
}

function readable(who: "C" | "S", entry: string): readonly string[] {
  const lines = entry.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${who}: ${printable(line, MAX_LENGTH)}`);
}

/** Text from the other side made safe for logs and terminals: control characters escaped, length capped. */
export function printable(text: string, limit: number): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
