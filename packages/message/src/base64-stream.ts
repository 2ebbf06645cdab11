import { Buffer } from "node:buffer";
import type { Content } from "@postroad/core";
import { BLOCK_OCTETS, encoded } from "./base64.ts";
import { broken } from "./source.ts";

/**
 * The encoding of a stream, in blocks that do not depend on how the stream was cut into chunks. Holds one block,
 * however large the stream is. Throws a Refusal where the stream does not have the size its content declares.
 */
export async function* base64Stream(content: Content, path: string): AsyncGenerator<Uint8Array> {
  const block = Buffer.allocUnsafe(BLOCK_OCTETS);
  let filled = 0;
  let total = 0;
  for await (const chunk of content.open()) {
    total += chunk.byteLength;
    if (total > (content.size ?? total)) throw broken(path, `is longer than the ${content.size} bytes declared`);
    for (let from = 0; from < chunk.byteLength;) {
      const part = chunk.subarray(from, from + BLOCK_OCTETS - filled);
      block.set(part, filled);
      from += part.byteLength;
      filled += part.byteLength;
      if (filled < BLOCK_OCTETS) break;
      yield encoded(block);
      filled = 0;
    }
  }
  if (total < (content.size ?? total)) throw broken(path, `ended after ${total} of the ${content.size} bytes declared`);
  if (filled > 0) yield encoded(block.subarray(0, filled));
}
