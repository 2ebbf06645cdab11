import type { Mail } from "@postroad/core";
import { contentOf, deliver, envelope } from "@postroad/core";
import { createMessage } from "@postroad/message";
import { smtp } from "@postroad/smtp";
import { builtMails, plainMail, prose } from "../mails.ts";
import type { Sender, Task } from "../sender.ts";
import { keepBusy, recipientsOf, turn } from "../sender.ts";

export const postroad: Sender = async (task) => {
  const pool = { connections: task.connections, messages: Number.MAX_SAFE_INTEGER };
  await using transport = smtp({
    host: "127.0.0.1",
    port: task.port,
    security: task.tls ? "tls" : "none",
    insecureAcceptAnyCertificate: task.tls,
    pool,
  });
  const mailOf = task.mail === "composed" ? composed(task) : prebuilt(task);
  await keepBusy(task, async (number) => {
    await deliver(transport, mailOf(number));
  });
};

function composed({ size }: Task): (number: number) => Mail {
  const text = prose(size);
  return (number) => createMessage(plainMail(number, text));
}

function prebuilt({ size, recipients }: Task): (number: number) => Mail {
  const mails = builtMails(prose(size));
  return (number) => {
    const { from, to, bytes } = turn(mails, number);
    return { id: String(number), envelope: envelope(from, recipientsOf(to, recipients)), content: contentOf(bytes), meta: {} };
  };
}
