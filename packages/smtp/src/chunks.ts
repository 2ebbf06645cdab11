import type { Reply } from "@postroad/core";
import type { Channel } from "./channel.ts";
import { refused } from "./failure.ts";
import type { Timeouts } from "./options.ts";
import type { Piece } from "./pieces.ts";
import type { BodyEvents } from "./sending.ts";
import { bodyChunks, unreadable } from "./sending.ts";
import type { Transaction } from "./transaction.ts";

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

/**
 * A mail in several chunks, as its content gives them. A chunk that is refused stops the rest; the connection stays
 * in step, since every chunk says how long it is.
 */
export async function sendChunks(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  { eightBit, following, done }: BodyEvents,
): Promise<void> {
  let refusal: Reply | undefined;
  let unanswered = 0;
  let settled: (() => void) | undefined;
  const onReply = (reply: Reply): void => {
    unanswered -= 1;
    if (reply.code >= 300) refusal ??= reply;
    if (unanswered === 0) settled?.();
  };
  try {
    for await (const chunk of bodyChunks(current.job.body, eightBit)) {
      if (channel.reason !== undefined) return;
      if (refusal !== undefined || current.job.settled) break;
      unanswered += 1;
      channel.expect({ phase: "body", timeout: timeouts.block, onReply });
      channel.write(`BDAT ${chunk.byteLength}\r\n`, chunk);
      await channel.drained();
    }
  } catch (error) {
    if (channel.reason === undefined) current.stop(unreadable(error, channel));
  }
  if (channel.reason !== undefined) return;
  if (refusal === undefined && !current.job.settled) {
    current.commit();
    const onLast = (reply: Reply): void => {
      current.finish(refusal ?? reply);
      done();
    };
    channel.expect({ phase: "final", timeout: timeouts.final, onReply: onLast });
    channel.write("BDAT 0 LAST\r\n", ...following());
    return;
  }
  if (unanswered > 0) await new Promise<void>((resolve) => (settled = resolve));
  if (refusal !== undefined) current.stop(refused(refusal, channel.scene("body")));
  done();
}
