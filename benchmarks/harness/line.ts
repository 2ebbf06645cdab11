import { once } from "node:events";
import { connect } from "node:net";
import type { Built } from "./mails.ts";

const LF = 0x0a;
export const END_OF_DATA: Buffer = Buffer.from("\r\n.\r\n");
/** Lines of the replies to an envelope, and to the data. */
export const REPLIES = { envelope: 3, data: 1 } as const;

/** The commands before the data, in one write (RFC 2920). */
export function envelopeOf({ from, to, bytes }: Built): Buffer {
  return Buffer.from(`MAIL FROM:<${from}> SIZE=${bytes.byteLength}\r\nRCPT TO:<${to}>\r\nDATA\r\n`);
}

/** A connection to a receiver that knows nothing of SMTP but that replies have lines. */
export interface Line {
  /** Writes, and calls back when the replies have come, of so many lines. */
  say(bytes: Uint8Array, lines: number, answered: () => void): void;
  /** Resolves when the receiver has closed its side too. */
  end(): Promise<void>;
}

/** Connects and says EHLO. The receiver's replies to the greeting and to EHLO come in one piece each. */
export async function openLine(port: number): Promise<Line> {
  let missing = 0;
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  let answered = (): void => {
    socket.write("EHLO loop.example\r\n");
    answered = resolve;
  };

  function take(length: number, bytes: Uint8Array): boolean {
    if (missing === 0) answered();
    else count(bytes, length);
    return true;
  }

  function count(bytes: Uint8Array, length: number): void {
    for (let at = bytes.indexOf(LF); at !== -1 && at < length; at = bytes.indexOf(LF, at + 1)) missing -= 1;
    if (missing === 0) answered();
  }

  const onread = { buffer: new Uint8Array(4096), callback: take };
  const socket = connect({ host: "127.0.0.1", port, noDelay: true, onread });
  const closed = once(socket, "close");
  await ready;
  return {
    say(bytes, lines, then) {
      missing = lines;
      answered = then;
      socket.write(bytes);
    },
    async end() {
      socket.end();
      await closed;
    },
  };
}
