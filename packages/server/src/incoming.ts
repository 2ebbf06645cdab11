import type { Content } from "@postroad/core";
import { growing } from "./growing.ts";
import type { OpenSpool } from "./spool.ts";

/** A message while it comes in: its header in memory, its body in a spool. */
export interface Incoming {
  /** Octets so far. */
  readonly size: number;
  /** The bound that was passed first; nothing is kept from then on. */
  readonly excess: "message" | "header" | undefined;
  write(text: Buffer): void;
  /** Call `settle` before the next `write`. */
  readonly full: boolean;
  settle(): Promise<void>;
  finish(): Promise<Arrived>;
  /** Lets go of what was kept. */
  release(): Promise<void>;
}

/** A message that has come in. */
export interface Arrived {
  /** The header's lines, without the blank one behind it. */
  readonly head: Buffer;
  /** The rest, from the blank line on. */
  readonly body: Content;
}

const BLANK = "\r\n\r\n";
const CRLF = Buffer.from("\r\n");

export function incoming(openSpool: OpenSpool, max: { readonly message: number; readonly header: number }): Incoming {
  const head = growing();
  const body = openSpool();
  let size = 0;
  let inHead = true;
  let headSize = 0;
  let excess: Incoming["excess"];

  function exceed(what: "message" | "header"): void {
    excess = what;
    head.clear();
  }

  /** Until the end of the header is seen; what came with it is body. */
  function intoHead(text: Buffer): void {
    const before = head.size;
    head.push(text);
    const bytes = head.bytes();
    const end = headEnd(bytes, before);
    if (end === undefined) return head.size > max.header ? exceed("header") : undefined;
    if (end > max.header) return exceed("header");
    inHead = false;
    body.write(bytes.subarray(end));
    headSize = end;
  }

  return {
    get size() {
      return size;
    },
    get excess() {
      return excess;
    },
    write(text) {
      size += text.byteLength;
      if (excess !== undefined) return;
      if (size > max.message) exceed("message");
      else if (inHead) intoHead(text);
      else body.write(text);
    },
    get full() {
      return excess === undefined && body.full;
    },
    settle: () => body.settle(),
    async finish() {
      return { head: inHead ? head.bytes() : head.bytes().subarray(0, headSize), body: await body.finish() };
    },
    release: () => body.release(),
  };
}

/** Where the blank line begins, looked for in what is new. */
function headEnd(bytes: Buffer, from: number): number | undefined {
  if (from < 2 && bytes.subarray(0, 2).equals(CRLF)) return 0;
  const at = bytes.indexOf(BLANK, Math.max(0, from - 3), "latin1");
  return at === -1 ? undefined : at + 2;
}

/** `head` before `body`, as one. */
export function joined(head: Buffer, body: Content): Content {
  const first = head.byteLength === 0 ? [] : [head];
  return {
    ...(body.size !== undefined && { size: head.byteLength + body.size }),
    open() {
      const rest = body.open();
      return Symbol.iterator in rest ? [...first, ...rest] : following(first, rest);
    },
  };
}

async function* following(first: readonly Uint8Array[], rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* rest;
}
