/** The last lines of a conversation, kept for the day it fails. */
export interface Transcript {
  /** What we said: one or more whole lines. */
  client(text: string): void;
  /** What the server said. */
  server(code: number, text: string): void;
  /** `C: …` and `S: …`, oldest first; control characters escaped, each at most 200 characters. */
  lines(): readonly string[];
}

const KEPT = 12;
const MAX_LENGTH = 200;

/** Costs two array writes per entry; lines are cut and cleaned only when somebody asks. Secrets must not be given. */
export function transcript(): Transcript {
  const entries: string[] = [];
  function keep(entry: string): void {
    if (entries.length === KEPT) entries.shift();
    entries.push(entry);
  }
  return {
    client: (text) => keep(`C${text}`),
    server: (code, text) => keep(`S${code} ${text}`),
    lines: () => entries.flatMap(readable).slice(-KEPT),
  };
}

function readable(entry: string): readonly string[] {
  const lines = entry.slice(1).split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${entry[0] ?? ""}: ${printable(line, MAX_LENGTH)}`);
}

/** Text from the other side made safe for logs and terminals: control characters escaped, length capped. */
export function printable(text: string, limit: number): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}
