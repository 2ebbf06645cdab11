import type { Socket } from "node:net";

/** Reads a connection piece by piece. Each call gives undefined once the other side is gone, politely or not. */
export interface Reader {
  /** The next line, without its CRLF. */
  line(): Promise<string | undefined>;
  /** The next message, without the final dot, dots unstuffed (RFC 5321 §4.5.2). */
  message(): Promise<Buffer | undefined>;
}

export function readerOf(socket: Socket): Reader {
  const chunks = socket[Symbol.asyncIterator]();
  let input: Buffer = Buffer.alloc(0);

  async function upTo(mark: string): Promise<Buffer | undefined> {
    let searched = 0;
    for (;;) {
      const end = input.indexOf(mark, searched);
      if (end === -1) {
        searched = Math.max(0, input.byteLength - mark.length);
        const next = await chunks.next().catch(() => ({ done: true, value: undefined }));
        if (next.done === true || !(next.value instanceof Buffer)) return undefined;
        input = Buffer.concat([input, next.value]);
        continue;
      }
      const unit = input.subarray(0, end);
      input = input.subarray(end + mark.length);
      return unit;
    }
  }

  return {
    line: async () => (await upTo("\r\n"))?.toString("latin1"),
    async message() {
      const bytes = await upTo("\r\n.\r\n");
      return bytes === undefined ? undefined : Buffer.from(`${bytes.toString("latin1").replaceAll("\r\n..", "\r\n.").replace(/^\.\./, ".")}\r\n`, "latin1");
    },
  };
}
