/**
 * Bytes that can be read any number of times: every `open()` yields the same bytes from the start.
 * For a mail they are the final bytes of RFC 5322: lines end in CRLF, nothing is dot-stuffed.
 *
 * The contract has no body that can be read only once. Whoever holds one (a socket, a stream) spools it first.
 */
export interface Content {
  /** Length in bytes, where it is known without reading. */
  readonly size?: number;
  /** A sync iterable where the bytes are in memory, so that reading them costs no promise per chunk. */
  open(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** Content of bytes in memory. They are not copied: do not change them afterwards. */
export function contentOf(bytes: Uint8Array): Content {
  const chunks = [bytes];
  return { size: bytes.byteLength, open: () => chunks };
}

/** Reads all of `content` into one array. Throws a RangeError past `limit` bytes (default 64 MiB). */
export async function readAll(content: Content, limit: number = 64 * 1024 * 1024): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content.open()) {
    size += chunk.byteLength;
    if (size > limit) throw new RangeError(`content is larger than the limit of ${limit} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : concat(chunks, size);
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
