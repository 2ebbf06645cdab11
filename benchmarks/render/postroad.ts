import { createMessage } from "@postroad/message";
import type { Compose } from "./compose.ts";

export const postroad: Compose = ({ from, to, subject, text, html, attachment }) => {
  const attachments = attachment && [{ filename: attachment.filename, type: attachment.type, content: attachment.bytes }];
  const chunks = createMessage({ from, to, subject, text, html, attachments }).content.open();
  return Symbol.iterator in chunks ? sizeOf(chunks) : sizeOfStream(chunks);
};

function sizeOf(chunks: Iterable<Uint8Array>): number {
  let size = 0;
  for (const chunk of chunks) size += chunk.byteLength;
  return size;
}

async function sizeOfStream(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) size += chunk.byteLength;
  return size;
}
