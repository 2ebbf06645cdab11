import { Refusal } from "@postroad/core";
import type { Reply } from "@postroad/core";
import type { Body } from "./body.ts";
import { checkedChunks } from "./body.ts";
import type { Channel } from "./channel.ts";
import { dotStuffer, frame } from "./dots.ts";
import { doubtful, lost, refused } from "./failure.ts";
import type { Timeouts } from "./options.ts";
import type { Transaction } from "./transaction.ts";

/** Up to this size a mail in memory is copied into one buffer and goes out in one write. */
const ONE_WRITE = 64 * 1024;
/** A larger one goes out in slices, so that a refusal half-way is noticed. */
const SLICE = 256 * 1024;

/**
 * Sends the data after a 354, the final dot, and behind it what `following` gives: the next envelope. Calls `done`
 * when the data are answered.
 */
export function sendData(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  eightBit: boolean,
  following: () => string,
  done: () => void,
): void {
  const { body } = current.job;
  const onReply = (reply: Reply): void => {
    if (!current.committed) return tooEarly(reply, current, channel);
    current.finish(reply);
    done();
  };
  channel.note(`(message${body.size === undefined ? "" : ` of ${body.size} bytes`})\r\n`);
  if (body.chunks !== undefined && body.size !== undefined && body.size <= ONE_WRITE) {
    current.commit();
    channel.expect({ phase: "final", timeout: timeouts.final, onReply });
    channel.write(frame(body.chunks, following()));
    return;
  }
  channel.expect({ phase: "body", timeout: timeouts.block, onReply });
  stream(current, channel, timeouts, eightBit, following).catch((error: unknown) => giveUp(error, current, channel));
}

async function stream(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  eightBit: boolean,
  following: () => string,
): Promise<void> {
  const { body } = current.job;
  const stuffer = dotStuffer();
  for await (const chunk of body.chunks === undefined ? checkedChunks(body, eightBit) : slices(body)) {
    if (channel.reason !== undefined) return;
    channel.write(...stuffer.push(chunk));
    channel.extend(timeouts.block);
    await channel.drained();
  }
  if (channel.reason !== undefined) return;
  current.commit();
  channel.extend(timeouts.final);
  channel.write(stuffer.end() + following());
}

function* slices({ chunks = [] }: Body): Generator<Buffer> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += SLICE) yield chunk.subarray(at, at + SLICE);
  }
}

/** The content failed: without the final dot the server forgets what it got (RFC 5321 §4.1.1.4). */
function giveUp(error: unknown, current: Transaction, channel: Channel): void {
  if (channel.reason !== undefined) return;
  const text = error instanceof Error ? error.message : "unknown error";
  const scene = channel.scene("body");
  const reason = error instanceof Refusal ? error : lost("4.3.0", `the content could not be read: ${text}`, scene, error);
  current.stop(reason);
  channel.end(reason);
}

/** A reply before the final dot. The rest is not sent, and the connection cannot be used again. */
function tooEarly(reply: Reply, current: Transaction, channel: Channel): void {
  const scene = channel.scene("body");
  const reason =
    reply.code >= 400
      ? refused(reply, scene)
      : doubtful(lost("4.5.0", `the server answered ${reply.code} before the message was complete`, scene));
  current.stop(reason);
  channel.end(reason);
}
