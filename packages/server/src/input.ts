import { isUtf8 } from "node:buffer";

/** Why bytes are no command line: too long, not ended by CRLF alone, with control characters, or not UTF-8. */
export type LineFault = "long" | "bare" | "control" | "encoding";

/** A command line without its CRLF, or what is wrong with it. */
export type Line = string | { readonly fault: LineFault };

/** Bytes that a client sent and nobody has taken yet. */
export interface Input {
  /** Octets held. */
  readonly size: number;
  push(chunk: Buffer): void;
  /** Puts back what was taken too much. */
  unshift(chunk: Buffer): void;
  /** The next line, or undefined until its end has come. What is longer than `max` octets is dropped while it comes. */
  line(max: number): Line | undefined;
  /** What there is, at most `max` octets; undefined where there is nothing. */
  take(max?: number): Buffer | undefined;
  /** Everything there is, which is gone then. */
  drain(): readonly Buffer[];
}

const LF = 0x0a;
const CR = 0x0d;

export function openInput(): Input {
  let chunks: Buffer[] = [];
  let size = 0;
  let dropping = false;

  /** One buffer of all there is: a line may have come in pieces. */
  function whole(): Buffer {
    const [first = Buffer.alloc(0), second] = chunks;
    if (second === undefined) return first;
    const joined = Buffer.concat(chunks, size);
    chunks = [joined];
    return joined;
  }

  function clear(): void {
    chunks = [];
    size = 0;
  }

  function keep(rest: Buffer): void {
    chunks = rest.byteLength === 0 ? [] : [rest];
    size = rest.byteLength;
  }

  return {
    get size() {
      return size;
    },
    push(chunk) {
      chunks.push(chunk);
      size += chunk.byteLength;
    },
    unshift(chunk) {
      if (chunk.byteLength === 0) return;
      chunks.unshift(chunk);
      size += chunk.byteLength;
    },
    line(max) {
      if (size === 0) return undefined;
      const bytes = whole();
      const end = bytes.indexOf(LF);
      if (end === -1) {
        dropping ||= size > max;
        if (dropping) keep(bytes.subarray(size));
        return undefined;
      }
      if (end + 1 === bytes.byteLength) clear();
      else keep(bytes.subarray(end + 1));
      const long = dropping || end >= max;
      dropping = false;
      return long ? { fault: "long" } : lineOf(bytes, end);
    },
    take(max = Infinity) {
      const [first] = chunks;
      if (first === undefined) return undefined;
      const taken = first.byteLength <= max ? first : first.subarray(0, max);
      if (taken === first) chunks.shift();
      else chunks[0] = first.subarray(max);
      size -= taken.byteLength;
      return taken;
    },
    drain() {
      const all = chunks;
      clear();
      return all;
    },
  };
}

const PRINTABLE = /^[ -~]*$/;
const CONTROL = /\p{Cc}/u;
const BEYOND_ASCII = /[\x80-\xff]/;

function lineOf(bytes: Buffer, end: number): Line {
  if (bytes[end - 1] !== CR) return { fault: "bare" };
  const latin1 = bytes.toString("latin1", 0, end - 1);
  if (PRINTABLE.test(latin1)) return latin1;
  const octets = bytes.subarray(0, end - 1);
  if (latin1.includes("\r")) return { fault: "bare" };
  const isAscii = !BEYOND_ASCII.test(latin1);
  if (!isAscii && !isUtf8(octets)) return { fault: "encoding" };
  const text = isAscii ? latin1 : octets.toString("utf8");
  return CONTROL.test(text) ? { fault: "control" } : text;
}
