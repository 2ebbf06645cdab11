import type { Proof } from "./proof.ts";
import type { Target } from "./server.ts";
import { startTarget } from "./server.ts";

/** Ways to ask a server for example.org to pass mail on to somebody else. */
const TRICKS = [
  "<user@relay.example>", "<user%relay.example@example.org>", "<user%relay.example>", '<"user%relay.example">', '<"user@relay.example"@example.org>',
  "<relay.example!user@example.org>", "<relay.example!user>", "<@example.org:user@relay.example>", "<@relay.example,@example.org:user@relay.example>",
  '<"user@relay.example">', "<relay.example!user%other.example@example.org>", "<user@[127.0.0.1]>", "<user@127.0.0.1>", "<user@localhost>",
  "<user@mail.example.org.>", "<user@example.org@relay.example>", '<user@relay.example"@example.org>', "<user@example.org\\@relay.example>",
  "<user@sub.example.org>", "<user@xexample.org>",
];
/** Who the client says it is: a stranger, one of ours, nobody, a host of ours. */
const SENDERS = ["<bob@elsewhere.example>", "<ann@example.org>", "<>", "<root@localhost>"];

/** Twenty ways to relay, from four senders each, without a login. */
export async function relaying(): Promise<readonly Proof[]> {
  return [await refusedBy("mx"), await refusedBy("submission")];
}

async function refusedBy(mode: "mx" | "submission"): Promise<Proof> {
  await using target = await startTarget({ mode });
  const through: string[] = [];
  for (const sender of SENDERS) {
    for (const trick of TRICKS) if (!(await refused(target, sender, trick))) through.push(`${sender} to ${trick}`);
  }
  const { taken } = await target.state();
  const local = mode === "mx" ? await takesLocal(target) : true;
  const count = SENDERS.length * TRICKS.length;
  return {
    what: `open relay, ${mode} without a login: ${TRICKS.length} tricks from ${SENDERS.length} senders are refused`,
    got: `${count - through.length} of ${count} refused, ${taken} mails taken${through.length > 0 ? `; not refused: ${through.join(", ")}` : ""}`,
    holds: through.length === 0 && taken === 0 && local,
  };
}

/** Goes on to the message whatever it is told, as an attacker does. */
async function refused(target: Target, sender: string, trick: string): Promise<boolean> {
  await using client = await target.dial();
  await client.say("EHLO client.example", `MAIL FROM:${sender}`);
  const recipient = await client.say(`RCPT TO:${trick}`);
  const message = await client.say("DATA");
  return recipient?.startsWith("5") === true && message?.startsWith("5") === true;
}

/** What refuses everybody proves nothing. */
async function takesLocal(target: Target): Promise<boolean> {
  await using client = await target.dial();
  const last = await client.say("EHLO client.example", "MAIL FROM:<bob@elsewhere.example>", "RCPT TO:<ann@example.org>", "DATA", "Subject: hi\r\n\r\nhi\r\n.");
  return last?.startsWith("250 ") === true;
}
