import type { Reply } from "@postroad/core";
import type { Channel } from "./channel.ts";
import { dotStuffer } from "./dots.ts";
import { doubtful, lost, refused } from "./failure.ts";
import type { Timeouts } from "./options.ts";
import type { BodyEvents } from "./sending.ts";
import { SMALL, bodyChunks, isUpTo, unreadable } from "./sending.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Sends the message after a 354, the final dot, and behind it what `following` gives. `replies` is how many answers
 * the final dot gets: one, or with LMTP one for each recipient accepted.
 */
export function sendData(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  events: BodyEvents,
  lmtp: boolean,
): void {
  const { body } = current.job;
  channel.note(`(message${body.size === undefined ? "" : ` of ${body.size} bytes`})`);
  if (isUpTo(SMALL, body) && !channel.ahead()) {
    const stuffer = dotStuffer(body.dotless);
    const pieces = (body.chunks ?? []).map((chunk) => stuffer.push(chunk));
    current.commit();
    expectFinal(current, channel, timeouts, events.done, lmtp);
    channel.write(...pieces, stuffer.end(), ...events.following());
    return;
  }
  expectFinal(current, channel, timeouts, events.done, lmtp);
  stream(current, channel, timeouts, events).catch((error: unknown) => {
    if (channel.reason !== undefined) return;
    // Without the final dot the server forgets what it got (RFC 5321 §4.1.1.4).
    const reason = unreadable(error, channel);
    current.stop(reason);
    channel.end(reason);
  });
}

/** Expects the replies to a message that is on its way, or still has to go. */
function expectFinal(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  done: () => void,
  lmtp: boolean,
): void {
  const count = lmtp ? current.accepted : 1;
  const first = current.committed ? timeouts.final : timeouts.block;
  for (let position = 0; position < count; position += 1) {
    const onReply = (reply: Reply): void => {
      if (!current.committed) return tooEarly(reply, current, channel);
      if (lmtp) current.finishOne(reply, position);
      if (position < count - 1) return;
      current.finish(reply);
      done();
    };
    channel.expect({ phase: current.committed ? "final" : "body", timeout: position === 0 ? first : timeouts.final, onReply });
  }
}

async function stream(
  current: Transaction,
  channel: Channel,
  timeouts: Required<Timeouts>,
  { eightBit, following }: BodyEvents,
): Promise<void> {
  const stuffer = dotStuffer(current.job.body.dotless);
  for await (const chunk of bodyChunks(current.job.body, eightBit)) {
    if (channel.reason !== undefined) return;
    channel.write(stuffer.push(chunk));
    channel.extend(timeouts.block);
    await channel.drained();
  }
  if (channel.reason !== undefined) return;
  current.commit();
  channel.extend(timeouts.final, "final");
  channel.write(stuffer.end(), ...following());
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
