import type { SendMailOptions } from "nodemailer";
import { createTransport } from "nodemailer";
import { builtMails, plainMail, prose } from "../mails.ts";
import type { Sender, Task } from "../sender.ts";
import { keepBusy, recipientsOf, turn } from "../sender.ts";

export const nodemailer: Sender = async (task) => {
  const { port, connections, tls, recipients } = task;
  const transport = createTransport({
    pool: true,
    host: "127.0.0.1",
    port,
    ...(tls ? { secure: true, tls: { rejectUnauthorized: false } } : { ignoreTLS: true }),
    maxConnections: connections,
    maxMessages: Infinity,
  });
  const mailOf = task.mail === "composed" ? composed(task) : prebuilt(task);
  await keepBusy(task, async (number) => {
    const { accepted } = await transport.sendMail(mailOf(number));
    if (accepted.length !== recipients) throw new Error("a recipient was not accepted");
  });
  transport.close();
};

function composed({ size }: Task): (number: number) => SendMailOptions {
  const text = prose(size);
  return (number) => plainMail(number, text);
}

function prebuilt({ size, recipients }: Task): (number: number) => SendMailOptions {
  const mails = builtMails(prose(size));
  return (number) => {
    const { from, to, bytes } = turn(mails, number);
    return { envelope: { from, to: [...recipientsOf(to, recipients)] }, raw: bytes };
  };
}
