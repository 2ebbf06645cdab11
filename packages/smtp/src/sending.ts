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
  /** True where the reply to a chunk says that the server knows no BDAT; that was then all over this connection. */
  readonly notUnderstood: (reply: Reply) => boolean;
  /** The message is answered, or will not be completed. */
  readonly done: () => void;
}

/** Up to this size a mail in memory goes out with one write. */
const ONE_WRITE = 64 * 1024;

/** Is the message in memory and small? */
export function isSmall({ chunks, size }: Body): boolean {
  return chunks !== undefined && size !== undefined && size <= ONE_WRITE;
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
