import type { Content } from "@postroad/core";

/** Past this many bytes a header counts as broken; the largest that servers take by default is about as long. */
const LONGEST_HEADER = 256 * 1024;

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
  const header = headers.get(content) ?? (await unlessAborted(readHeader(content), signal));
  headers.set(content, header);
  const wanted = `${name.toLowerCase()}:`;
  const field = header
    .replaceAll(/\r\n(?=[ \t])/g, "")
    .split("\r\n")
    .find((line) => line.slice(0, wanted.length).toLowerCase() === wanted);
  return field?.slice(wanted.length).trim();
}

async function readHeader(content: Content): Promise<string> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of content.open()) {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf("\r\n\r\n");
    if (end !== -1) return bytes.toString("utf8", 0, end);
    if (bytes.length > LONGEST_HEADER) throw new RangeError(`the header is longer than ${LONGEST_HEADER} bytes`);
  }
  return bytes.toString("utf8");
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
