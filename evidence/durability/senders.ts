import { createHash, randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fate, Submission, Told } from "./ledgers.ts";
import { MARK, addressFor } from "./ledgers.ts";
import { readerOf } from "./reader.ts";
import type { Reader } from "./reader.ts";

/** A mail to be sent, and its bytes. */
export interface Draft extends Omit<Submission, "told" | "reply"> {
  readonly bytes: Buffer;
}

let count = 0;

/** The next mail: no other has its id. `size` is that of its text. */
export function draft(fates: readonly Fate[], size: number): Draft {
  count += 1;
  const id = count.toString(36);
  const sender = `sender.${id}@senders.example`;
  const head = [
    `${MARK}${id}`,
    `From: <${sender}>`,
    "To: undisclosed-recipients:;",
    `Subject: Mail ${id}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${id}@senders.example>`,
  ];
  const bytes = Buffer.from(`${head.join("\r\n")}\r\n\r\n${text(size)}`);
  const hash = createHash("sha256").update(bytes).digest("hex");
  return { id, sender, recipients: fates.map((fate, number) => addressFor(fate, id, number)), hash, bytes };
}

/** Lines that begin with a dot now and then, and that no other mail has. */
function text(size: number): string {
  const lines = [];
  for (let left = size; left > 0; left -= 64) lines.push(`${left % 3 === 0 ? "." : ""}${randomBytes(31).toString("hex")}`);
  return `${lines.join("\r\n")}\r\n`;
}

/** The fates of one to four recipients, and a size: mostly small, now and then too large to be kept in a row. */
export function randomDraft(): Draft {
  const recipients = 1 + Math.floor(Math.random() * 4);
  const fates = Array.from({ length: recipients }, randomFate);
  return draft(fates, Math.random() < 0.03 ? 150_000 : 200 + Math.floor(Math.random() * 3000));
}

function randomFate(): Fate {
  const chance = Math.random();
  if (chance < 0.04) return "refused";
  if (chance < 0.08) return "later1";
  return chance < 0.12 ? "later2" : "taken";
}

/** Milliseconds between mails, at most, and until a server that says nothing is taken for gone. */
const PAUSE = 80;
const SILENCE = 30_000;

/** Sends one mail after the other until the signal; whenever the server is gone, waits for it to come back. */
export async function sendUntil(signal: AbortSignal, port: number, write: (submission: Submission) => void): Promise<void> {
  while (!signal.aborted) {
    const line = await dial(port);
    if (line === undefined) await sleep(10);
    while (line !== undefined && !signal.aborted) {
      const submission = await submit(line, randomDraft());
      write(submission);
      if (submission.told === "unknown" || submission.told === "unsent") break;
      await sleep(Math.random() * PAUSE);
    }
    line?.socket.destroy();
  }
}

/** A connection that was greeted. */
export interface Line {
  readonly socket: Socket;
  readonly reader: Reader;
}

/** Opens one, or gives undefined where nobody is there. */
export async function dial(port: number): Promise<Line | undefined> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  socket.on("error", () => socket.destroy());
  // A server that is killed while it accepts may leave a connection behind that nobody knows of but this end.
  socket.setTimeout(SILENCE, () => socket.destroy());
  const line = { socket, reader: readerOf(socket) };
  const greeting = await replyOf(line);
  const hello = greeting?.startsWith("220") === true ? await say(line, "EHLO sender.example") : undefined;
  if (hello?.startsWith("250") === true) return line;
  socket.destroy();
  return undefined;
}

/** Sends a mail, one command at a time, and gives what was said to that. */
export async function submit(line: Line, mail: Draft): Promise<Submission> {
  const { bytes, ...known } = mail;
  const commands = [`MAIL FROM:<${mail.sender}>`, ...mail.recipients.map((to) => `RCPT TO:<${to}>`), "DATA"];
  for (const command of commands) {
    const reply = await say(line, command);
    if (reply === undefined) return { ...known, told: "unsent" };
    if (/^[45]/.test(reply)) {
      await say(line, "RSET");
      return { ...known, told: toldBy(reply), reply };
    }
  }
  const stuffed = bytes.toString("latin1").replaceAll("\r\n.", "\r\n..");
  const reply = await say(line, `${stuffed}.`);
  return reply === undefined ? { ...known, told: "unknown" } : { ...known, told: toldBy(reply), reply };
}

function toldBy(reply: string): Told {
  if (reply.startsWith("2")) return "accepted";
  return reply.startsWith("4") ? "deferred" : "rejected";
}

async function say(line: Line, command: string): Promise<string | undefined> {
  if (line.socket.destroyed) return undefined;
  line.socket.write(`${command}\r\n`, "latin1");
  return replyOf(line);
}

/** The last line of the next reply. */
async function replyOf({ reader }: Line): Promise<string | undefined> {
  let line = await reader.line();
  while (line?.[3] === "-") line = await reader.line();
  return line;
}
