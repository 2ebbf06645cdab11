import type { Reply } from "@postroad/core";
import { Refusal } from "@postroad/core";
import type { Body } from "./body.ts";
import { checkedChunks, slicesOf } from "./body.ts";
import type { Channel } from "./channel.ts";
import { lost } from "./failure.ts";
import type { Piece } from "./pieces.ts";

/** What the sending of a message asks of its connection. */
export interface BodyEvents {
  /** The server takes bytes over 127 (RFC 6152). */
  readonly eightBit: boolean;
  /** The last byte is about to be written: what may ride behind it. */
  readonly following: () => readonly Piece[];
  /** Takes in the reply to a chunk. False where it says that the server knows no BDAT; that was then all over this connection. */
  readonly understood: (reply: Reply) => boolean;
  /** The message is answered with this. */
  readonly answered: (reply: Reply) => void;
  /** The message will not be completed. */
  readonly done: () => void;
}

/** Up to this size a message goes out with one write: it makes no progress that anybody could wait for. */
export const SMALL: number = 64 * 1024;

/** Is the message in memory, and no larger than this? */
export function isUpTo(most: number, { chunks, size }: Body): boolean {
  return chunks !== undefined && size !== undefined && size <= most;
}

/** The message as it is sent: slices of what is in memory, else the chunks of the stream, each checked. */
export function bodyChunks(body: Body, eightBit: boolean): Iterable<Buffer> | AsyncIterable<Buffer> {
  return body.chunks === undefined ? checkedChunks(body, eightBit) : slicesOf(body.chunks);
}

/** The content failed while it was sent: temporary, and certain, since the server never got the end. */
export function unreadable(error: unknown, channel: Channel): Refusal {
  if (error instanceof Refusal) return error;
  const text = error instanceof Error ? error.message : String(error);
  return lost("4.3.0", `the content could not be read: ${text}`, channel.scene("body"), error);
}
