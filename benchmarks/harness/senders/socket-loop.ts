import type { Line } from "../line.ts";
import { END_OF_DATA, envelopeOf, openLine, REPLIES } from "../line.ts";
import { builtMails, prose } from "../mails.ts";
import type { Load } from "../measure.ts";
import type { Sender } from "../sender.ts";
import { turn } from "../sender.ts";

/**
 * The limit: the same bytes on the wire as a client that pipelines the next envelope behind the last dot (RFC 2920),
 * one write for each message, and of the replies no more than their lines counted. No client can do much less.
 */
export const socketLoop: Sender = async ({ port, connections, size, load }) => {
  const frames = framesOf(size);
  await Promise.all(Array.from({ length: connections }, async () => run(await openLine(port), frames, load)));
};

interface Frame {
  readonly envelope: Buffer;
  /** The data, their end, and the next envelope. */
  readonly all: Buffer;
}

function framesOf(size: number): readonly Frame[] {
  const mails = builtMails(prose(size));
  return mails.map((mail) => {
    const envelope = envelopeOf(mail);
    return { envelope, all: Buffer.concat([mail.bytes, END_OF_DATA, envelope]) };
  });
}

/** One connection. */
async function run(line: Line, frames: readonly Frame[], load: Load): Promise<void> {
  await new Promise<void>((resolve) => {
    function send(): void {
      const number = load.next();
      if (number === undefined) resolve();
      else line.say(turn(frames, number).all, REPLIES.data + REPLIES.envelope, sent);
    }
    function sent(): void {
      load.done();
      send();
    }
    line.say(turn(frames, 0).envelope, REPLIES.envelope, send);
  });
  await line.end();
}
