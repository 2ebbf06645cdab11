const DOT = Buffer.from(".");
const CRLF = Buffer.from("\r\n");
/** Ends the data where its last line is complete (RFC 5321 §4.1.1.4). */
const END = ".\r\n";

/** Doubles the dot that begins a line, across chunks, and ends the data (RFC 5321 §4.5.2). */
export interface DotStuffer {
  /** The chunk in pieces, a dot in front of every line that begins with one. Mostly it is the chunk itself. */
  push(chunk: Buffer): readonly Buffer[];
  /** What ends the data: a CRLF where the last line has none, and the final dot. */
  end(): string;
}

export function dotStuffer(): DotStuffer {
  let atLineStart = true;
  let lastTwo: Buffer = CRLF;
  return {
    push(chunk) {
      if (chunk.byteLength === 0) return [];
      const pieces: Buffer[] = [];
      let from = 0;
      let dot = atLineStart && chunk[0] === 0x2e ? 0 : nextDot(chunk, 0);
      while (dot !== -1) {
        if (dot > from) pieces.push(chunk.subarray(from, dot));
        pieces.push(DOT);
        from = dot;
        dot = nextDot(chunk, dot);
      }
      pieces.push(from === 0 ? chunk : chunk.subarray(from));
      atLineStart = chunk[chunk.byteLength - 1] === 0x0a;
      lastTwo = chunk.byteLength > 1 ? chunk.subarray(-2) : Buffer.concat([lastTwo, chunk]).subarray(-2);
      return pieces;
    },
    end: () => (lastTwo.equals(CRLF) ? END : `\r\n${END}`),
  };
}

function nextDot(chunk: Buffer, from: number): number {
  const found = chunk.indexOf("\n.", from, "latin1");
  return found === -1 ? -1 : found + 1;
}
