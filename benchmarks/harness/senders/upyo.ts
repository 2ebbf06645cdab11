import type { Message } from "@upyo/core";
import { createMessage } from "@upyo/core";
import { SmtpTransport } from "@upyo/smtp";
import { builtMails, plainMail, prose } from "../mails.ts";
import type { Load } from "../measure.ts";
import type { Sender, Task } from "../sender.ts";
import { recipientsOf, turn } from "../sender.ts";
import { upyoInternals } from "../upyo.ts";

/** Its `sendMany`, which keeps to one connection and is its fastest way, once for each connection. */
export const upyo: Sender = (task) => (task.mail === "composed" ? composed(task) : prebuilt(task));

async function composed({ port, connections, size, load }: Task): Promise<void> {
  await using transport = new SmtpTransport({ host: "127.0.0.1", port, secure: false, poolSize: connections });
  const text = prose(size);
  async function lane(): Promise<void> {
    for await (const receipt of transport.sendMany(messages(load, text))) {
      if (!receipt.successful) throw new Error(receipt.errorMessages.join("; "));
      load.done();
    }
  }
  await Promise.all(Array.from({ length: connections }, lane));
}

function* messages(load: Load, text: string): Generator<Message> {
  for (let number = load.next(); number !== undefined; number = load.next()) {
    const { from, to, subject, text: content } = plainMail(number, text);
    yield createMessage({ from, to, subject, content: { text: content } });
  }
}

/** It takes no bytes: its own connection, without its transport, comes closest. */
async function prebuilt({ port, connections, size, load, tls, recipients }: Task): Promise<void> {
  const { SmtpConnection } = await upyoInternals();
  const mails = builtMails(prose(size)).map(({ from, to, bytes }) => ({ envelope: { from, to: recipientsOf(to, recipients) }, raw: bytes.toString() }));
  async function lane(): Promise<void> {
    const connection = new SmtpConnection({ host: "127.0.0.1", port, secure: tls, ...(tls && { tls: { rejectUnauthorized: false } }) });
    await connection.connect();
    await connection.greeting();
    await connection.ehlo();
    for (let number = load.next(); number !== undefined; number = load.next()) {
      await connection.sendMessage(turn(mails, number));
      load.done();
    }
    await connection.quit();
  }
  await Promise.all(Array.from({ length: connections }, lane));
}
