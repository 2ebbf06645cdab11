import type { Reply } from "@postroad/core";
import type { Channel } from "./channel.ts";
import { deadline } from "./deadline.ts";
import { lost, refused } from "./failure.ts";
import type { Timeouts } from "./options.ts";
import type { BodyEvents } from "./sending.ts";
import { bodyChunks, unreadable } from "./sending.ts";
import type { Transaction } from "./transaction.ts";

/** Pieces are gathered up to this size: each write costs something, and each BDAT a command and a reply. */
const GATHERED = 64 * 1024;
/** Of a content in memory one BDAT takes so much, so that as few as possible have to be waited for. */
const IN_MEMORY = 2 * 1024 * 1024;

/** The command for a whole mail in one chunk, which completes it (RFC 3030 §2). Goes out between envelope and mail in one write. */
export function lastChunk(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  onReply: (reply: Reply) => void,
): string {
  current.commit();
  channel.expect({ phase: "final", timeout: timeouts.final, onReply });
  return `BDAT ${current.job.body.size ?? 0} LAST\r\n`;
}

const END = "BDAT 0 LAST\r\n";

/**
 * Chunks that may be unanswered: each one on its way to a server that has refused the mail counts there as an error. One
 * more for each that is taken, up to a number that servers bear with.
 */
const AHEAD = 4;
const MOST_AHEAD = 16;

/**
 * A mail in several chunks, as its content gives them. A chunk that is refused settles the mail and stops the rest;
 * the connection stays in step, since every chunk says how long it is.
 */
export async function sendChunks(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  { eightBit, following, understood, answered, done }: BodyEvents,
): Promise<void> {
  let refusal: Reply | undefined;
  let unanswered = 0;
  let ahead = AHEAD;
  let heard: () => void = nothing;

  function onReply(reply: Reply): void {
    unanswered -= 1;
    if (reply.code >= 300 && reply.code < 400) return senseless(reply, channel);
    if (!understood(reply)) return;
    if (reply.code < 300) ahead = Math.min(ahead + 1, MOST_AHEAD);
    if (reply.code >= 400 && refusal === undefined) {
      refusal = reply;
      if (!current.committed) current.stop(refused(reply, channel.scene("body")));
    }
    heard();
  }

  /** Waits until no more than so many chunks are unanswered; rejects when the channel ends first. */
  async function untilUnanswered(left: number): Promise<void> {
    while (unanswered > left) await channel.during(new Promise<void>((resolve) => (heard = resolve)));
  }

  try {
    const { body } = current.job;
    const pieces = gathered(inTime(bodyChunks(body, eightBit), timeouts.block, channel));
    for await (const chunk of grouped(pieces, body.chunks === undefined ? GATHERED : IN_MEMORY)) {
      if (channel.reason !== undefined) return;
      if (current.job.settled) break;
      unanswered += 1;
      channel.expect({ phase: "body", timeout: timeouts.block, onReply });
      await writeChunk(chunk, channel, timeouts.block);
      await untilUnanswered(ahead - 1);
    }
  } catch (error) {
    if (channel.reason === undefined) current.stop(unreadable(error, channel));
  }
  if (channel.reason !== undefined) return;
  if (!current.job.settled) {
    current.commit();
    const onLast = (reply: Reply): void => {
      if (refusal !== undefined && reply.code < 300) return senseless(reply, channel);
      answered(refusal ?? reply);
    };
    channel.expect({ phase: "final", timeout: timeouts.final, onReply: onLast });
    channel.note(END);
    channel.write(END, ...following());
    return;
  }
  await untilUnanswered(0).catch(nothing);
  // Where the connection ended instead, there is nothing left to do for this mail.
  if (channel.reason === undefined) done();
}

/** To its end, whatever comes in between: the server counts its octets. Rejects when the channel ends first. */
async function writeChunk(pieces: readonly Buffer[], channel: Channel, timeout: number): Promise<void> {
  const command = `BDAT ${sizeOf(pieces)}\r\n`;
  channel.note(command);
  channel.write(command);
  for (const piece of pieces) {
    channel.write(piece);
    await channel.drained();
    channel.extend(timeout);
  }
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((size, { byteLength }) => size + byteLength, 0);
}

function nothing(): void {
  // Nobody waits, or nobody needs to know.
}

function senseless({ code }: Reply, channel: Channel): void {
  channel.end(lost("4.5.0", `the server answered a chunk with ${code}, which makes no sense here`, channel.scene("body")));
}

/** The same chunks; one that lets us wait too long ends the channel (RFC 5321 §4.5.3.2.5): the server would give up first. */
async function* inTime(
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
  limit: number,
  channel: Channel,
): AsyncGenerator<Buffer> {
  const patience = deadline(() => channel.end(lost("4.4.2", "the content made no progress", channel.scene("body"))));
  try {
    patience.set(limit);
    for await (const chunk of chunks) {
      patience.clear();
      yield chunk;
      patience.set(limit);
    }
  } finally {
    patience.end();
  }
}

async function* gathered(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    held.push(chunk);
    size += chunk.byteLength;
    if (size < GATHERED) continue;
    yield asOne(held);
    held = [];
    size = 0;
  }
  if (size > 0) yield asOne(held);
}

/** Pieces until they have at least so many octets together. */
async function* grouped(pieces: AsyncIterable<Buffer>, least: number): AsyncGenerator<readonly Buffer[]> {
  let group: Buffer[] = [];
  for await (const piece of pieces) {
    group.push(piece);
    if (sizeOf(group) < least) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function asOne(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
}
