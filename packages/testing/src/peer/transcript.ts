/** The lines of a conversation, for people. */
export interface Transcript {
  readonly lines: readonly string[];
  received(line: string): void;
  sent(bytes: Buffer, delivered: boolean): void;
  note(text: string): void;
}

const SHOWN = 160;
const KEPT = 1000;

/** Keeps the last thousand lines. */
export function transcript(): Transcript {
  const lines: string[] = [];

  function add(line: string): void {
    lines.push(line.length > SHOWN ? `${line.slice(0, SHOWN)}… (${line.length} characters)` : line);
    if (lines.length > KEPT) lines.shift();
  }

  return {
    lines,
    received: (line) => add(`C: ${visible(line)}`),
    sent(bytes, delivered) {
      const text = bytes.toString().replace(/\r\n$/, "");
      for (const line of text.split("\r\n").slice(0, KEPT))
        add(`S: ${visible(line)}${delivered ? "" : "   (client gone)"}`);
    },
    note: (text) => add(`-- ${text}`),
  };
}

/** In double quotes, control characters escaped, long ones cut. */
export function quote(text: string | Buffer): string {
  const all = text.toString().replace(/\r\n$/, "");
  return all.length > SHOWN ? `${JSON.stringify(all.slice(0, SHOWN))}… (${text.length})` : JSON.stringify(all);
}

function visible(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}

/** A conversation that took another course than the script. */
export class ConversationError extends Error {
  override readonly name = "ConversationError";
}
