import { setImmediate } from "node:timers/promises";
import { install } from "../../interop/harness/install.ts";
import type { Postfix } from "../../interop/harness/postfix.ts";
import { startPostfix } from "../../interop/harness/postfix.ts";
import { dial } from "../../packages/server/test/client.ts";
import type { Proof } from "./proof.ts";
import { startTarget } from "./server.ts";

/** What some server or other takes for the end of a message. */
const ENDS = ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n", "\r\n.\r\r\n"];
const MARKER = "Subject: last";

interface Attempt {
  /** Where it is said. */
  readonly port: number;
  readonly recipient: string;
  /** Between the first mail and the commands of the second. */
  readonly end: string;
  readonly bytewise?: boolean;
}

/** Mails that hide another, sent to our server, which relays to Postfix. */
export async function smuggling(): Promise<readonly Proof[]> {
  const { postfix: reason } = await install();
  if (reason !== undefined) {
    console.error(`evidence: SKIPPED: smuggling on to Postfix, since ${reason}`);
    return [];
  }
  await using postfix = await startPostfix();
  // Without CHUNKING: a message that is sent by its length hides nothing.
  await using target = await startTarget({ mode: "mx", relayTo: postfix.ports.data });
  const proofs: Proof[] = [];
  for (const end of ENDS) proofs.push(await tried(postfix, target.port, end));
  return [...proofs, await dotted(postfix, target.port)];
}

async function tried(postfix: Postfix, port: number, end: string): Promise<Proof> {
  const straight = await outcome(postfix, { port: postfix.ports.data, end });
  const whole = await outcome(postfix, { port, end });
  const split = await outcome(postfix, { port, end, bytewise: true });
  return {
    what: `a mail hidden behind ${JSON.stringify(end)}, in one piece or octet by octet: one mail or a refusal`,
    got: `${whole.reply}; ${whole.mails.length} and ${split.mails.length} mails in Postfix; said to Postfix itself ${straight.mails.length}`,
    holds: [whole, split].every(({ reply, mails }) => (mails.length === 0 && reply.startsWith("5")) || (mails.length === 1 && reply.startsWith("250 "))),
  };
}

/** What looks the same and is none, since its dot is doubled, arrives as it is. */
async function dotted(postfix: Postfix, port: number): Promise<Proof> {
  const { reply, mails } = await outcome(postfix, { port, end: "\r\n..\r\n" });
  const intact = mails.length === 1 && mails[0]?.includes("first\r\n.\r\nMAIL FROM:<evil@elsewhere.example>\r\n") === true;
  return { what: "text that reads like another mail behind a doubled dot is one mail, and arrives as it is", got: `${reply}; ${mails.length} mail`, holds: intact };
}

/** What the first mail was answered, and all that lies in the mailbox then. */
async function outcome(postfix: Postfix, attempt: Omit<Attempt, "recipient">): Promise<{ readonly reply: string; readonly mails: readonly string[] }> {
  const box = postfix.mailbox();
  const reply = await attack({ ...attempt, recipient: box.address });
  await mark(postfix.ports.data, box.address);
  for (let count = 1; ; ) {
    const mails = (await box.arrivals(count)).map(({ content }) => content.toString("latin1"));
    if (mails.some((mail) => mail.includes(MARKER))) return { reply, mails: mails.filter((mail) => !mail.includes(MARKER)) };
    count = mails.length + 1;
  }
}

async function attack({ port, recipient, end, bytewise = false }: Attempt): Promise<string> {
  await using client = await dial(port);
  await client.reply();
  client.socket.setNoDelay(true);
  await client.say("EHLO client.example", "MAIL FROM:<bob@elsewhere.example>", `RCPT TO:<${recipient}>`, "DATA");
  const first = "From: bob@elsewhere.example\r\nSubject: first\r\n\r\nfirst";
  const second = `MAIL FROM:<evil@elsewhere.example>\r\nRCPT TO:<${recipient}>\r\nDATA\r\nSubject: second\r\n\r\nsecond`;
  const text = `${first}${end}${second}\r\n.\r\nQUIT\r\n`;
  if (!bytewise) client.send(text);
  for (const octet of bytewise ? Buffer.from(text) : []) {
    client.send(Buffer.of(octet));
    await setImmediate();
  }
  const [reply = "nothing"] = (await client.rest()).split("\r\n");
  return reply.replace(/ queued as .*/, "");
}

/** The last mail to a mailbox: when it is there, whatever came before is there too. */
async function mark(port: number, recipient: string): Promise<void> {
  await using client = await dial(port);
  await client.reply();
  await client.say("EHLO client.example", "MAIL FROM:<bob@elsewhere.example>", `RCPT TO:<${recipient}>`, "DATA", `${MARKER}\r\n\r\nlast\r\n.`);
}
