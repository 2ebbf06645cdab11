import type { Content } from "@postroad/core";
import { Growing } from "./growing.ts";
import type { Limits } from "./limits.ts";
import type { Spool } from "./spool.ts";

/** A message that has come in. */
export interface Arrived {
  /** The header's lines, without the blank one behind it. */
  readonly head: Buffer;
  /** The rest, from the blank line on. */
  readonly body: Content;
}

const BLANK = Buffer.from("\r\n\r\n");
const [CR, LF] = [0x0d, 0x0a];

/** A message while it comes in: its header in memory, its body in a spool. A class, since there is one for every mail. */
export class Incoming {
  /** Octets so far. */
  size = 0;
  /** The bound that was passed first; nothing is kept from then on. */
  excess: "message" | "header" | "memory" | undefined;
  readonly #head = new Growing();
  readonly #body: Spool;
  readonly #max: Required<Pick<Limits, "size" | "header">>;
  #headSize: number | undefined;

  constructor(body: Spool, max: Required<Pick<Limits, "size" | "header">>) {
    this.#body = body;
    this.#max = max;
  }

  write(text: Buffer): void {
    this.size += text.byteLength;
    if (this.excess !== undefined) return;
    if (this.size > this.#max.size) this.#exceed("message");
    else if (this.#headSize === undefined) this.#intoHead(text);
    else this.#body.write(text);
  }

  /** Call `settle` before the next `write`. */
  get full(): boolean {
    return this.excess === undefined && this.#body.full;
  }

  settle(): Promise<void> {
    return this.#body.settle();
  }

  finish(): Arrived | Promise<Arrived> {
    const head = this.#head.bytes();
    const body = this.#body.finish();
    return body instanceof Promise ? body.then((settled) => ({ head, body: settled })) : { head, body };
  }

  /** Lets go of what was kept. */
  release(): Promise<void> | undefined {
    return this.#body.release();
  }

  #exceed(what: "message" | "header" | "memory"): void {
    this.excess = what;
    this.#head.clear();
    this.#body.countHeader(0);
  }

  /** Until the end of the header is seen; what came with it is body. */
  #intoHead(text: Buffer): void {
    const before = this.#head.size;
    this.#head.push(text);
    const bytes = this.#head.bytes();
    const end = headEnd(bytes, before);
    const size = end ?? bytes.byteLength;
    if (size > this.#max.header) this.#exceed("header");
    else if (!this.#body.countHeader(size)) this.#exceed("memory");
    else if (end !== undefined) {
      this.#headSize = end;
      this.#body.write(bytes.subarray(end));
      this.#head.cut(end);
    }
  }
}

/** Where the blank line begins, looked for in what is new. */
function headEnd(bytes: Buffer, from: number): number | undefined {
  if (from < 2 && bytes[0] === CR && bytes[1] === LF) return 0;
  const at = bytes.indexOf(BLANK, Math.max(0, from - 3));
  return at === -1 ? undefined : at + 2;
}

/** `head` before `body`, as one. */
export function joined(head: Buffer, body: Content): Content {
  const first = head.byteLength === 0 ? [] : [head];
  return {
    ...(body.size === undefined ? {} : { size: head.byteLength + body.size }),
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
