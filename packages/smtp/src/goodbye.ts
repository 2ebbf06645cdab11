import type { Channel } from "./channel.ts";
import { lost } from "./failure.ts";

/** Milliseconds to wait for the reply to QUIT. */
const PATIENCE = 2_000;

/** Says QUIT and closes; while a reply is awaited that nobody needs any more, and may be long in coming, it only closes. */
export async function sayGoodbye(channel: Channel, busy: boolean): Promise<void> {
  if (!busy && channel.reason === undefined) {
    channel.hold(true);
    channel.note("QUIT");
    channel.write("QUIT\r\n");
    // The mail is delivered by now: how the goodbye goes is nobody's concern (RFC 5321 §4.1.1.10).
    await channel.reply("idle", PATIENCE).catch(() => undefined);
  }
  channel.end(lost("4.4.2", "closed by us", channel.scene()));
}
