const LF = 0x0a;
const NOTHING: Buffer = Buffer.alloc(0);
/** Ends the data (RFC 5321 §4.1.1.4). */
const END = Buffer.from("\r\n.\r\n");
/** The data may begin with their end: the line before them, that of DATA, has a CRLF too. */
const BEFORE_DATA = Buffer.from("\r\n");

const EHLO = `250-discard.example
250-PIPELINING
250-SIZE 1073741824
250-8BITMIME
250-SMTPUTF8
250 ENHANCEDSTATUSCODES
`.replaceAll("\n", "\r\n");

/** What all connections of a receiver have taken. */
export interface Counts {
  messages: number;
  bytes: number;
}

/** The server's half of one connection: takes everything, keeps nothing. Gives the replies for one write. */
export type Discard = (chunk: Buffer) => string;

/**
 * Looks at as few bytes as it can, so that it is not what limits a sender: the first two of a command, and of the data
 * only where they end.
 */
export function discard(counts: Counts): Discard {
  let inData = false;
  /** An unfinished command, or the last bytes of the data, with which their end may begin. */
  let held = NOTHING;

  /** Where the commands go on in `chunk`; -1 when the data do. */
  function skipData(chunk: Buffer, from: number): number {
    const seam = Buffer.concat([held, chunk.subarray(from, from + END.byteLength - 1)]).indexOf(END);
    if (seam !== -1) return from + seam - held.byteLength + END.byteLength;
    const found = chunk.indexOf(END, from);
    if (found === -1) held = tail(held, chunk, from);
    return found === -1 ? -1 : found + END.byteLength;
  }

  return (chunk) => {
    counts.bytes += chunk.byteLength;
    const bytes = inData || held.byteLength === 0 ? chunk : Buffer.concat([held, chunk]);
    if (!inData) held = NOTHING;
    let replies = "";
    let at = 0;
    while (at < bytes.byteLength) {
      if (inData) {
        at = skipData(bytes, at);
        if (at === -1) break;
        held = NOTHING;
        inData = false;
        counts.messages += 1;
        replies += "250 2.0.0 Ok: queued\r\n";
        continue;
      }
      const end = bytes.indexOf(LF, at);
      if (end === -1) {
        held = Buffer.from(bytes.subarray(at));
        break;
      }
      const verb = verbOf(bytes, at);
      replies += REPLIES.get(verb) ?? "500 5.5.1 Unknown command\r\n";
      inData = verb === DATA;
      if (inData) held = BEFORE_DATA;
      at = end + 1;
    }
    return replies;
  };
}

function tail(held: Buffer, chunk: Buffer, from: number): Buffer {
  const rest = chunk.subarray(Math.max(from, chunk.byteLength - END.byteLength + 1));
  const all = rest.byteLength < END.byteLength - 1 ? Buffer.concat([held, rest]) : rest;
  return Buffer.from(all.subarray(-(END.byteLength - 1)));
}

/** The first two letters of a command as one number, in upper case. */
function verbOf(bytes: Buffer, at: number): number {
  return (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)) & 0xdfdf;
}

const DATA = verbOf(Buffer.from("DATA"), 0);
const REPLIES: ReadonlyMap<number, string> = new Map(
  Object.entries({
    EHLO,
    MAIL: "250 2.1.0 Ok\r\n",
    RCPT: "250 2.1.5 Ok\r\n",
    DATA: "354 End data with <CR><LF>.<CR><LF>\r\n",
    RSET: "250 2.0.0 Ok\r\n",
    NOOP: "250 2.0.0 Ok\r\n",
    QUIT: "221 2.0.0 Bye\r\n",
  }).map(([verb, reply]) => [verbOf(Buffer.from(verb), 0), reply]),
);
