import type { Content } from "@postroad/core";
import type { RawField } from "@postroad/message";
import { fieldValue, readHeader } from "@postroad/message";

const MAX_HEADER = 1024 * 1024;

/** The header at the start of a content, as far as it is read. */
export async function headOf(content: Content): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content.open()) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > MAX_HEADER || Buffer.concat(chunks).includes("\r\n\r\n")) break;
  }
  return Buffer.concat(chunks);
}

/** Fields Authentication-Results that speak in the name of `authservId` (RFC 8601 §5). Throws a MessageError for a header that has two readings. */
export function resultsOf(head: Buffer, authservId: string): readonly RawField[] {
  const own = authservId.toLowerCase();
  return readHeader(head).fields.filter((field) => {
    return field.name.toLowerCase() === "authentication-results" && speaker(fieldValue(head, field)).toLowerCase() === own;
  });
}

/**
 * The domain of the newest ARC-Seal: it is who vouches for the rest (RFC 8617 §4.1.3). The signature beside it may be of somebody else, whose
 * mail the sealer had.
 */
export function sealerOf(head: Buffer): string | undefined {
  const seals = readHeader(head).fields.filter(({ name }) => name.toLowerCase() === "arc-seal");
  const tags = seals.map((field) => tagsOf(fieldValue(head, field)));
  const newest = tags.toSorted((a, b) => Number(b.get("i")) - Number(a.get("i")))[0];
  return newest?.get("d")?.toLowerCase();
}

/** `i=1; d=example.org` (RFC 6376 §3.2). */
function tagsOf(value: string): ReadonlyMap<string, string> {
  return new Map(value.split(";").map((tag): [string, string] => [tag.split("=", 1).join("").trim(), tag.slice(tag.indexOf("=") + 1).trim()]));
}

/** The name at the start of the value, behind comments, in quotes or not (RFC 8601 §2.2). */
function speaker(value: string): string {
  const [, quoted, plain = ""] = /^(?:\s|\([^()]*\))*(?:"((?:[^"\\]|\\.)*)"|([^\s;(]*))/.exec(value) ?? [];
  return quoted ?? plain;
}

/** The content with `prefix` in front and without these parts, which are in order. */
export function edited(content: Content, prefix: Buffer, cuts: readonly { readonly start: number; readonly end: number }[]): Content {
  const removed = cuts.reduce((sum, { start, end }) => sum + end - start, 0);
  return {
    ...(content.size !== undefined && { size: content.size + prefix.byteLength - removed }),
    async *open() {
      yield prefix;
      let at = 0;
      for await (const chunk of content.open()) {
        yield* kept(chunk, at, cuts);
        at += chunk.byteLength;
      }
    },
  };
}

function* kept(chunk: Uint8Array, at: number, cuts: readonly { readonly start: number; readonly end: number }[]): Generator<Uint8Array> {
  let from = 0;
  for (const { start, end } of cuts) {
    const [first, last] = [Math.max(start - at, from), Math.min(end - at, chunk.byteLength)];
    if (last <= from || first >= chunk.byteLength) continue;
    if (first > from) yield chunk.subarray(from, first);
    from = last;
  }
  if (from < chunk.byteLength) yield chunk.subarray(from);
}

