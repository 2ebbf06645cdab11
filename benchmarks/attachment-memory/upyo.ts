import { readFile } from "node:fs/promises";
import type { Attachment } from "@upyo/core";
import { createMessage } from "@upyo/core";
import { SmtpTransport } from "@upyo/smtp";
import type { Open } from "./attach.ts";
import { FILENAME, MAIL } from "./attach.ts";

/** It takes bytes, so the file is read into memory first. */
export const upyo: Open = (port) => {
  const transport = new SmtpTransport({ host: "127.0.0.1", port, secure: false });
  return {
    async send(path) {
      const { from, to, subject, text } = MAIL;
      const attachments = path === undefined ? [] : [await attachment(path)];
      const receipt = await transport.send(createMessage({ from, to, subject, content: { text }, attachments }));
      if (!receipt.successful) throw new Error(receipt.errorMessages.join("; "));
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
};

async function attachment(path: string): Promise<Attachment> {
  const content = await readFile(path);
  return { inline: false, filename: FILENAME, contentType: "application/octet-stream", contentId: "", content };
}
