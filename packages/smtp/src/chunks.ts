import type { Reply } from "@postroad/core";
import type { Channel } from "./channel.ts";
import { lost, refused } from "./failure.ts";
import type { Timeouts } from "./options.ts";
import type { Piece } from "./pieces.ts";
import type { BodyEvents } from "./sending.ts";
import { bodyChunks, unreadable } from "./sending.ts";
import type { Transaction } from "./transaction.ts";

/** Chunks of a stream are gathered up to this size: each BDAT costs a command and a reply. */
const GATHERED = 64 * 1024;

/** A whole mail in one BDAT chunk, which completes it (RFC 3030 §2). Goes out behind its envelope in one write. */
export function lastChunk(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  onReply: (reply: Reply) => void,
): readonly Piece[] {
  const { chunks = [], size = 0 } = current.job.body;
  current.commit();
  channel.expect({ phase: "final", timeout: timeouts.final, onReply });
  return [`BDAT ${size} LAST\r\n`, ...chunks];
}

const END = "BDAT 0 LAST\r\n";

/**
 * A mail in several chunks, as its content gives them. A chunk that is refused stops the rest; the connection stays
 * in step, since every chunk says how long it is.
 */
export async function sendChunks(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  { eightBit, following, notUnderstood, done }: BodyEvents,
): Promise<void> {
  let refusal: Reply | undefined;
  let unanswered = 0;
  let settled: (() => void) | undefined;
  const onReply = (reply: Reply): void => {
    unanswered -= 1;
    if (reply.code >= 300 && reply.code < 400) return senseless(reply, channel);
    if (reply.code >= 400) {
      if (notUnderstood(reply)) return;
      refusal ??= reply;
    }
    if (unanswered === 0) settled?.();
  };
  try {
    for await (const chunk of gathered(bodyChunks(current.job.body, eightBit))) {
      if (channel.reason !== undefined) return;
      if (refusal !== undefined || current.job.settled) break;
      unanswered += 1;
      channel.expect({ phase: "body", timeout: timeouts.block, onReply });
      const command = `BDAT ${chunk.byteLength}\r\n`;
      channel.note(command);
      channel.write(command, chunk);
      await channel.drained();
    }
  } catch (error) {
    if (channel.reason === undefined) current.stop(unreadable(error, channel));
  }
  if (channel.reason !== undefined) return;
  if (refusal === undefined && !current.job.settled) {
    current.commit();
    const onLast = (reply: Reply): void => {
      if (refusal !== undefined && reply.code < 300) return senseless(reply, channel);
      current.finish(refusal ?? reply);
      done();
    };
    channel.expect({ phase: "final", timeout: timeouts.final, onReply: onLast });
    channel.note(END);
    channel.write(END, ...following());
    return;
  }
  if (unanswered > 0) await new Promise<void>((resolve) => (settled = resolve));
  if (refusal !== undefined) current.stop(refused(refusal, channel.scene("body")));
  done();
}

function senseless({ code }: Reply, channel: Channel): void {
  channel.end(lost("4.5.0", `the server answered a chunk with ${code}, which makes no sense here`, channel.scene("body")));
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

function asOne(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
}
