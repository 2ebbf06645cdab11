import { once } from "node:events";
import { connect } from "node:net";
import { builtMails, prose } from "../mails.ts";
import type { Load } from "../measure.ts";
import type { Sender } from "../sender.ts";
import { turn } from "../sender.ts";

const LF = 0x0a;

/**
 * The limit: the same bytes on the wire as a client that pipelines the next envelope behind the last dot (RFC 2920),
 * one write for each message, and of the replies no more than their lines counted. No client can do much less.
 */
export const socketLoop: Sender = async ({ port, connections, size, load }) => {
  const frames = framesOf(size);
  await Promise.all(Array.from({ length: connections }, () => run(port, frames, load)));
};

interface Frame {
  readonly envelope: Buffer;
  /** The data, their end, and the next envelope. */
  readonly all: Buffer;
}

function framesOf(size: number): readonly Frame[] {
  const mails = builtMails(prose(size));
  return mails.map(({ from, to, bytes }) => {
    const envelope = Buffer.from(`MAIL FROM:<${from}> SIZE=${bytes.byteLength}\r\nRCPT TO:<${to}>\r\nDATA\r\n`);
    return { envelope, all: Buffer.concat([bytes, Buffer.from("\r\n.\r\n"), envelope]) };
  });
}

/** One connection. The receiver's replies to the greeting and to EHLO come in one piece each. */
async function run(port: number, frames: readonly Frame[], load: Load): Promise<void> {
  let missing = 0;
  let onReplies = (): void => send(false);

  /** The replies to one message: the one to its data, and those to the next envelope. */
  function count(bytes: Uint8Array, length: number): void {
    for (let at = bytes.indexOf(LF); at !== -1 && at < length; at = bytes.indexOf(LF, at + 1)) missing -= 1;
    if (missing === 0) onReplies();
  }

  function send(again: boolean): void {
    if (again) load.done();
    const number = load.next();
    if (number === undefined) return void socket.end();
    missing = 4;
    onReplies = () => send(true);
    socket.write(turn(frames, number).all);
  }

  const steps = ["EHLO loop.example\r\n", turn(frames, 0).envelope];
  function take(length: number, bytes: Uint8Array): boolean {
    const step = steps.shift();
    if (step === undefined) count(bytes, length);
    else socket.write(step);
    if (steps.length === 0 && step !== undefined) missing = 3;
    return true;
  }

  const onread = { buffer: new Uint8Array(4096), callback: take };
  const socket = connect({ host: "127.0.0.1", port, noDelay: true, onread });
  await once(socket, "close");
}
