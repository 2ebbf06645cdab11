import type { Content } from "@postroad/core";
import { Refusal, contentOf } from "@postroad/core";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Survey } from "./survey.ts";
import { SMALL } from "./survey.ts";

/** What was signed, with its new header fields on top: one chunk where it is small, read again where it is not. */
export function withFields(fields: string, content: Content, survey: Survey): Content {
  const top = Buffer.from(fields, "latin1");
  const size = top.byteLength + survey.size;
  if (survey.chunks === undefined) return { size, open: () => readAgain(top, content, survey) };
  const chunks = [top, ...survey.chunks];
  return survey.size <= SMALL ? contentOf(Buffer.concat(chunks, size)) : { size, open: () => chunks };
}

/**
 * The content again, under its new fields. Its last chunk is held back until it is known that all bytes are those that
 * were signed: where they are not, it throws, and the mail cannot be completed.
 */
async function* readAgain(top: Uint8Array, content: Content, survey: Survey): AsyncGenerator<Uint8Array> {
  yield top;
  let held: Uint8Array | undefined;
  let size = 0;
  let checksum = 0;
  for await (const chunk of content.open()) {
    if (chunk.byteLength === 0) continue;
    size += chunk.byteLength;
    if (size > survey.size) throw changed();
    checksum = crc32(chunk, checksum);
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (size !== survey.size || checksum !== survey.checksum) throw changed();
  if (held !== undefined) yield held;
}

function changed(): Refusal {
  return new Refusal("4.6.0", "the content changed after it was signed", {
    phase: "sign",
    advice: "Let nobody write to the source while it is sent, or copy it first.",
  });
}
