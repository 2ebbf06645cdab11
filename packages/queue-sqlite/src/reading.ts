import type { Content } from "@postroad/core";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { damaged, readFile } from "./files.ts";
import type { Stored } from "./messages.ts";

/** A content as it came along with its lease; `fetch` gets what did not. */
export function contentFrom(stored: Stored, folder: string, fetch: () => Promise<Stored>): Content {
  return { size: stored.size, open: () => bytesOf(stored, folder) ?? fetched(folder, fetch) };
}

/** A content of which nothing is known but where to ask. */
export function contentBy(folder: string, fetch: () => Promise<Stored>): Content {
  return { open: () => fetched(folder, fetch) };
}

function bytesOf(stored: Stored, folder: string): Iterable<Uint8Array> | AsyncIterable<Uint8Array> | undefined {
  const { body, size, crc } = stored;
  if (body === undefined) return undefined;
  if ("file" in body) return readFile(join(folder, body.file), stored);
  if (body.data.byteLength !== size || crc32(body.data) !== crc) throw damaged(folder);
  return [body.data];
}

async function* fetched(folder: string, fetch: () => Promise<Stored>): AsyncGenerator<Uint8Array> {
  const bytes = bytesOf(await fetch(), folder);
  if (bytes !== undefined) yield* bytes;
}
