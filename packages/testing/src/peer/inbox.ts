/** How the client's half of a connection ended: with a FIN, or without. */
export type Ending = "end" | "reset";

/** One line and the read of the socket that completed it, counted from 0. */
export interface Line {
  /** Without its CRLF. A line that ends in a bare LF keeps it, so that it equals no proper line. */
  readonly text: string;
  readonly arrival: number;
}

/** What a client has sent and nobody has looked at yet. One reader at a time. */
export interface Inbox {
  push(chunk: Buffer): void;
  close(how: Ending): void;
  /** Set once nothing more can arrive. */
  readonly ending: Ending | undefined;
  /** Unread bytes. */
  readonly size: number;
  /** A whole line is there: `line()` would not wait. */
  readonly hasLine: boolean;
  /** Waits until a byte more than now has arrived; false where none ever will. */
  more(): Promise<boolean>;
  /** The next line; undefined where the connection ended first. Throws a RangeError past `limit` bytes. */
  line(limit?: number): Promise<Line | undefined>;
  /** The next `count` bytes, fewer where the connection ended first. */
  take(count: number): Promise<Buffer>;
  /** What follows a 354, up to and with the final dot line; undefined where the connection ended first. */
  data(limit?: number): Promise<Buffer | undefined>;
  /** All that is unread. */
  drain(): Buffer;
  /** Looks at what is unread. */
  peek(): Buffer;
  /** Takes back what is unread, as if it had never arrived. */
  recall(): Buffer;
}

const LF = 0x0a;
const CR = 0x0d;
const LINE_LIMIT = 1 << 20;
const DATA_LIMIT = 64 << 20;
const EMPTY: Buffer = Buffer.alloc(0);
const END_OF_DATA = "\r\n.\r\n";

/** `onRead` sees all bytes when they are taken out. */
export function inbox(onRead: (bytes: Buffer) => void): Inbox {
  let unread = EMPTY;
  let consumed = 0;
  let ending: Ending | undefined;
  let wake: (() => void) | undefined;
  const arrivals = arrivalCounter();

  function more(): Promise<boolean> {
    if (ending !== undefined) return Promise.resolve(false);
    const before = unread.length;
    return new Promise((resolve) => (wake = () => resolve(unread.length > before)));
  }

  function take(count: number): Buffer {
    const taken = unread.subarray(0, count);
    unread = unread.subarray(count);
    consumed += taken.length;
    onRead(taken);
    return taken;
  }

  function rouse(): void {
    const sleeper = wake;
    wake = undefined;
    sleeper?.();
  }

  return {
    get ending() {
      return ending;
    },
    get size() {
      return unread.length;
    },
    get hasLine() {
      return unread.includes(LF);
    },
    more,
    push(chunk) {
      unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
      arrivals.add(consumed + unread.length);
      rouse();
    },
    close(how) {
      ending ??= how;
      rouse();
    },
    drain: () => take(unread.length),
    peek: () => unread,
    recall() {
      const all = unread;
      unread = EMPTY;
      consumed += all.length;
      return all;
    },
    async line(limit = LINE_LIMIT) {
      for (let from = 0; ; ) {
        const at = unread.indexOf(LF, from);
        if (at !== -1) {
          const bytes = take(at + 1);
          const end = bytes[at - 1] === CR ? at - 1 : at + 1;
          return { text: bytes.toString("utf8", 0, end), arrival: arrivals.of(consumed) };
        }
        from = unread.length;
        if (from > limit) throw new RangeError(`a line longer than ${limit} bytes`);
        if (!(await more())) return undefined;
      }
    },
    async take(count) {
      const parts: Buffer[] = [];
      for (let left = count; left > 0; left -= parts.at(-1)?.length ?? 0) {
        if (unread.length === 0 && !(await more())) break;
        parts.push(take(left));
      }
      return Buffer.concat(parts);
    },
    async data(limit = DATA_LIMIT) {
      const parts: Buffer[] = [];
      let tail = Buffer.from("\r\n");
      for (let size = 0; size <= limit; ) {
        if (unread.length === 0 && !(await more())) return undefined;
        const seen = Buffer.concat([tail, unread]);
        const at = seen.indexOf(END_OF_DATA);
        const part = take(at === -1 ? unread.length : at + END_OF_DATA.length - tail.length);
        parts.push(part);
        if (at !== -1) return Buffer.concat(parts);
        size += part.length;
        tail = seen.subarray(1 - END_OF_DATA.length);
      }
      throw new RangeError(`content larger than ${limit} bytes`);
    },
  };
}

/** Tells which read of the socket brought the byte at a position of the stream. Positions only grow. */
function arrivalCounter(): { add(end: number): void; of(end: number): number } {
  const ends: number[] = [];
  let first = 0;
  return {
    add: (end) => ends.push(end),
    of(end) {
      while ((ends[0] ?? end) < end) {
        ends.shift();
        first += 1;
      }
      return first;
    },
  };
}

/** The content that was sent: without the final dot line and the dots in front of lines (RFC 5321 §4.5.2). */
export function unstuff(data: Buffer): Buffer {
  const end = data.length - ".\r\n".length;
  const parts: Buffer[] = [];
  let from = data[0] === 0x2e && end > 0 ? 1 : 0;
  for (let at = data.indexOf("\r\n.", from); at !== -1 && at + 2 < end; at = data.indexOf("\r\n.", from)) {
    parts.push(data.subarray(from, at + 2));
    from = at + 3;
  }
  parts.push(data.subarray(from, Math.max(end, from)));
  return Buffer.concat(parts);
}
