import { createMessage } from "@upyo/core";
import { upyoInternals } from "../harness/upyo.ts";
import type { Compose } from "./compose.ts";

const { convertMessage } = await upyoInternals();

/** Its composer gives a string: the bytes are what a socket makes of it. */
export const upyo: Compose = async ({ from, to, subject, text, html, attachment }) => {
  const attachments = attachment && {
    inline: false as const,
    filename: attachment.filename,
    contentType: "application/pdf" as const,
    content: attachment.bytes,
    contentId: "",
  };
  const content = html === undefined ? { text } : { text, html };
  const { raw } = await convertMessage(createMessage({ from, to, subject, content, ...(attachments && { attachments }) }));
  return Buffer.from(raw).byteLength;
};
