import { Refusal } from "@postroad/core";
import type { Body } from "./body.ts";
import { checkedChunks } from "./body.ts";
import type { Channel } from "./channel.ts";
import { lost } from "./failure.ts";
import type { Piece } from "./pieces.ts";

/** What the sending of a message asks of its connection. */
export interface BodyEvents {
  /** The server takes bytes over 127 (RFC 6152). */
  readonly eightBit: boolean;
  /** The last byte is about to be written: what may ride behind it. */
  readonly following: () => readonly Piece[];
  /** The message is answered, or will not be completed. */
  readonly done: () => void;
}

/** Up to this size a mail in memory goes out with one write. */
const ONE_WRITE = 64 * 1024;
/** A larger one goes out in slices, so that a refusal half-way is noticed. */
const SLICE = 256 * 1024;

/** Is the message in memory and small? */
export function isSmall({ chunks, size }: Body): boolean {
  return chunks !== undefined && size !== undefined && size <= ONE_WRITE;
}

/** The message as it is sent: slices of what is in memory, else the chunks of the stream, each checked. */
export function bodyChunks(body: Body, eightBit: boolean): Iterable<Buffer> | AsyncIterable<Buffer> {
  return body.chunks === undefined ? checkedChunks(body, eightBit) : slices(body.chunks);
}

function* slices(chunks: readonly Buffer[]): Generator<Buffer> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += SLICE) yield chunk.subarray(at, at + SLICE);
  }
}

/** The content failed while it was sent: temporary, and certain, since the server never got the end. */
export function unreadable(error: unknown, channel: Channel): Refusal {
  if (error instanceof Refusal) return error;
  const text = error instanceof Error ? error.message : "unknown error";
  return lost("4.3.0", `the content could not be read: ${text}`, channel.scene("body"), error);
}
