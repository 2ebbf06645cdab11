const LF = 0x0a;
const NOTHING: Buffer = Buffer.alloc(0);
/** Ends the data (RFC 5321 §4.1.1.4). */
const END = Buffer.from("\r\n.\r\n");
/** The data may begin with their end: the line before them, that of DATA, has a CRLF too. */
const BEFORE_DATA = Buffer.from("\r\n");
const QUEUED = "250 2.0.0 Ok: queued\r\n";

/** What all connections of a receiver have taken. */
export interface Counts {
  messages: number;
  bytes: number;
}

/** The server's half of one connection: takes everything, keeps nothing. Gives the replies for one write. */
export type Discard = (chunk: Buffer) => string;

/**
 * Looks at as few bytes as it can, so that it is not what limits a sender: the first two of a command, and of the data
 * only where they end. Offers PIPELINING, SIZE, 8BITMIME, SMTPUTF8 and, if told to, CHUNKING.
 */
export function discard(counts: Counts, chunking: boolean): Discard {
  let inData = false;
  /** Bytes of a BDAT chunk that are still to come (RFC 3030 §2). */
  let inChunk = 0;
  let chunkReply = "";
  /** An unfinished command, or the last bytes of the data, with which their end may begin. */
  let held = NOTHING;

  /** Where the commands go on in `bytes`; -1 when the data do. */
  function skipData(bytes: Buffer, from: number): number {
    const seam = Buffer.concat([held, bytes.subarray(from, from + END.byteLength - 1)]).indexOf(END);
    if (seam !== -1) return from + seam - held.byteLength + END.byteLength;
    const found = bytes.indexOf(END, from);
    if (found === -1) held = tail(held, bytes, from);
    return found === -1 ? -1 : found + END.byteLength;
  }

  function command(line: Buffer, at: number, end: number): string {
    const verb = verbOf(line, at);
    if (verb === BDAT) return chunk(line.toString("latin1", at, end));
    if (verb === EHLO) return ehlo(chunking);
    inData = verb === DATA;
    if (inData) held = BEFORE_DATA;
    return REPLIES.get(verb) ?? "500 5.5.1 Unknown command\r\n";
  }

  function chunk(line: string): string {
    const last = /LAST\s*$/i.test(line);
    if (last) counts.messages += 1;
    chunkReply = last ? QUEUED : "250 2.0.0 Ok\r\n";
    inChunk = Number.parseInt(line.slice(5), 10);
    return inChunk === 0 ? chunkReply : "";
  }

  return (given) => {
    counts.bytes += given.byteLength;
    const bytes = inData || held.byteLength === 0 ? given : Buffer.concat([held, given]);
    if (!inData) held = NOTHING;
    let replies = "";
    let at = 0;
    while (at < bytes.byteLength) {
      if (inChunk > 0) {
        const taken = Math.min(inChunk, bytes.byteLength - at);
        at += taken;
        inChunk -= taken;
        if (inChunk === 0) replies += chunkReply;
      } else if (inData) {
        at = skipData(bytes, at);
        if (at === -1) break;
        held = NOTHING;
        inData = false;
        counts.messages += 1;
        replies += QUEUED;
      } else {
        const end = bytes.indexOf(LF, at);
        if (end === -1) {
          held = Buffer.from(bytes.subarray(at));
          break;
        }
        replies += command(bytes, at, end);
        at = end + 1;
      }
    }
    return replies;
  };
}

/** The last bytes of the data, with which their end may begin. */
function tail(held: Buffer, bytes: Buffer, from: number): Buffer {
  const rest = bytes.subarray(Math.max(from, bytes.byteLength - END.byteLength + 1));
  const all = rest.byteLength < END.byteLength - 1 ? Buffer.concat([held, rest]) : rest;
  return Buffer.from(all.subarray(-(END.byteLength - 1)));
}

function ehlo(chunking: boolean): string {
  const keywords = ["PIPELINING", "SIZE 1073741824", "8BITMIME", "SMTPUTF8", ...(chunking ? ["CHUNKING"] : [])];
  return `250-discard.example\r\n${keywords.map((word) => `250-${word}\r\n`).join("")}250 ENHANCEDSTATUSCODES\r\n`;
}

/** The first two letters of a command as one number, in upper case. */
function verbOf(bytes: Buffer, at: number): number {
  return (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)) & 0xdfdf;
}

function verbNamed(name: string): number {
  return verbOf(Buffer.from(name), 0);
}

const EHLO = verbNamed("EHLO");
const DATA = verbNamed("DATA");
const BDAT = verbNamed("BDAT");
const REPLIES: ReadonlyMap<number, string> = new Map([
  [verbNamed("MAIL"), "250 2.1.0 Ok\r\n"],
  [verbNamed("RCPT"), "250 2.1.5 Ok\r\n"],
  [DATA, "354 End data with <CR><LF>.<CR><LF>\r\n"],
  [verbNamed("RSET"), "250 2.0.0 Ok\r\n"],
  [verbNamed("NOOP"), "250 2.0.0 Ok\r\n"],
  [verbNamed("QUIT"), "221 2.0.0 Bye\r\n"],
]);
