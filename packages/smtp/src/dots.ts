const DOT = 0x2e;
const LF = 0x0a;
const CR = 0x0d;
/** Ends the data where its last line is complete (RFC 5321 §4.1.1.4). */
const END = ".\r\n";

/** Doubles the dot that begins a line, across chunks, and ends the data (RFC 5321 §4.5.2). */
export interface DotStuffer {
  /** The chunk with a dot in front of every line that begins with one: mostly the very same buffer. */
  push(chunk: Buffer): Buffer;
  /** What ends the data: a CRLF where the last line has none, and the final dot. */
  end(): string;
}

/** `dotless`: no line begins with a dot, so there is nothing to look for. */
export function dotStuffer(dotless: boolean = false): DotStuffer {
  // As if a complete line went before: nothing at all needs only the dot.
  let last = LF;
  let lastButOne = CR;
  return {
    push(chunk) {
      const { byteLength } = chunk;
      if (byteLength === 0) return chunk;
      const dots = dotless ? NONE : dotsOf(chunk, last === LF);
      lastButOne = byteLength > 1 ? (chunk[byteLength - 2] ?? 0) : last;
      last = chunk[byteLength - 1] ?? 0;
      return dots.length === 0 ? chunk : doubled(chunk, dots);
    },
    end: () => (last === LF && lastButOne === CR ? END : `\r\n${END}`),
  };
}

const NONE: readonly number[] = [];

/** Where lines begin with a dot. */
function dotsOf(chunk: Buffer, atLineStart: boolean): readonly number[] {
  const dots: number[] = [];
  if (atLineStart && chunk[0] === DOT) dots.push(0);
  for (let at = chunk.indexOf("\n.", 0, "latin1"); at !== -1; at = chunk.indexOf("\n.", at + 1, "latin1")) dots.push(at + 1);
  return dots;
}

function doubled(chunk: Buffer, dots: readonly number[]): Buffer {
  const out = Buffer.allocUnsafe(chunk.byteLength + dots.length);
  let from = 0;
  let at = 0;
  for (const dot of dots) {
    at += chunk.copy(out, at, from, dot);
    out[at++] = DOT;
    from = dot;
  }
  chunk.copy(out, at, from);
  return out;
}
