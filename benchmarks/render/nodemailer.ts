import MailComposer from "nodemailer/lib/mail-composer";
import type { Compose } from "./compose.ts";

export const nodemailer: Compose = async ({ from, to, subject, text, html, attachment }) => {
  const attachments = attachment && [
    { filename: attachment.filename, contentType: attachment.type, content: attachment.bytes },
  ];
  const bytes = await new MailComposer({ from, to, subject, text, html, attachments }).compile().build();
  return bytes.byteLength;
};
