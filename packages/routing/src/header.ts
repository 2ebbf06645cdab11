import type { Content } from "@postroad/core";

/** Past this many bytes a header counts as broken; the largest that servers take by default is about as long. */
const LONGEST_HEADER = 256 * 1024;

const CRLF = Buffer.from("\r\n");
const BLANK_LINE = Buffer.from("\r\n\r\n");

const headers = new WeakMap<Content, string>();

/**
 * Value of the first field of this name (RFC 5322 §2.2), unfolded and trimmed; undefined where there is none. Rejects
 * where the content cannot be read, its header does not end, or the signal aborts.
 */
export async function headerField(
  content: Content,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const header = headers.get(content) ?? (await unlessAborted(readHeader(content, signal), signal));
  headers.set(content, header);
  const wanted = `${name.toLowerCase()}:`;
  const field = header
    .replaceAll(/\r\n(?=[ \t])/g, "")
    .split("\r\n")
    .find((line) => line.slice(0, wanted.length).toLowerCase() === wanted);
  return field?.slice(wanted.length).trim();
}

async function readHeader(content: Content, signal: AbortSignal | undefined): Promise<string> {
  // A line end in front, so that a header of nothing ends like any other.
  const chunks: Uint8Array[] = [CRLF];
  let size = 0;
  let tail: Uint8Array = CRLF;
  for await (const chunk of content.open()) {
    signal?.throwIfAborted();
    chunks.push(chunk);
    size += chunk.length;
    const seam = Buffer.concat([tail, chunk]);
    if (seam.includes(BLANK_LINE)) break;
    if (size > LONGEST_HEADER) throw new RangeError(`the header is longer than ${LONGEST_HEADER} bytes`);
    tail = seam.subarray(-BLANK_LINE.length + 1);
  }
  const bytes = Buffer.concat(chunks);
  const end = bytes.indexOf(BLANK_LINE);
  return bytes.toString("utf8", 0, end === -1 ? bytes.length : end);
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
