import type { Content } from "@postroad/core";
import { CR, LF, nextControl } from "./raw-scan.ts";

/** Replaces the octets from `start` to before `end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly insert?: Uint8Array;
}

type Change = (chunk: Uint8Array) => readonly Uint8Array[];

/** `content`, which is `size` octets long, with `edits`: in order, disjoint. What stays is not copied. */
export function edited(content: Content, size: number, edits: readonly Edit[]): Content {
  if (edits.length === 0) return { size, open: () => content.open() };
  const growth = edits.reduce((sum, { start, end, insert }) => sum + (insert?.length ?? 0) - (end - start), 0);
  return { size: size + growth, open: () => changed(content, applying(edits)) };
}

/** `content` whose lines all end in CRLF: every bare CR and every bare LF counts as a line end. */
export function withLineEnds(content: Content): Content {
  const source = content.open();
  if (Symbol.asyncIterator in source) return { open: () => changed(content, endingLines()) };
  const chunks = [...inMemory(source, endingLines())];
  return { open: () => chunks };
}

/** In memory where the content is in memory, else chunk by chunk. */
function changed(content: Content, change: Change): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  const source = content.open();
  return Symbol.iterator in source ? inMemory(source, change) : streamed(source, change);
}

function* inMemory(source: Iterable<Uint8Array>, change: Change): Generator<Uint8Array> {
  for (const chunk of source) yield* change(chunk);
}

async function* streamed(source: AsyncIterable<Uint8Array>, change: Change): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield* change(chunk);
}

function applying(edits: readonly Edit[]): Change {
  let index = 0;
  /** Where the chunk begins. */
  let offset = 0;
  /** What stands before this is handed on or dropped. */
  let done = 0;
  return (chunk) => {
    const pieces: Uint8Array[] = [];
    const chunkEnd = offset + chunk.length;
    for (let edit = edits[index]; edit !== undefined && edit.start < chunkEnd; edit = edits[(index += 1)]) {
      if (edit.start > done) pieces.push(chunk.subarray(done - offset, edit.start - offset));
      if (edit.insert !== undefined) pieces.push(edit.insert);
      done = edit.end;
    }
    if (done < chunkEnd) {
      pieces.push(chunk.subarray(done - offset));
      done = chunkEnd;
    }
    offset = chunkEnd;
    return pieces;
  };
}

const WINDOW = 64 * 1024;

function endingLines(): Change {
  const scratch = new Uint8Array(2 * WINDOW);
  let afterCr = false;

  function fix(window: Uint8Array): Uint8Array {
    let length = 0;
    let at = 0;
    while (at < window.length) {
      const next = nextControl(window, at);
      scratch.set(window.subarray(at, next), length);
      length += next - at;
      const octet = window[next];
      const isSecondHalf = octet === LF && afterCr && next === at;
      afterCr = octet === CR;
      at = next + 1;
      if (octet === undefined || isSecondHalf) continue;
      const isLineEnd = octet === LF || octet === CR;
      scratch[length] = isLineEnd ? CR : octet;
      if (isLineEnd) scratch[length + 1] = LF;
      length += isLineEnd ? 2 : 1;
    }
    return scratch.slice(0, length);
  }

  return (chunk) => windows(chunk).map(fix);
}

function windows(chunk: Uint8Array): Uint8Array[] {
  const count = Math.ceil(chunk.length / WINDOW);
  return Array.from({ length: count }, (_, i) => chunk.subarray(i * WINDOW, (i + 1) * WINDOW));
}
