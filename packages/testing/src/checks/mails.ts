import type { Content, Envelope, Mail } from "@postroad/core";
import { contentOf } from "@postroad/core";
import { setImmediate as turn } from "node:timers/promises";
import { deferral } from "../deferral.ts";

let made = 0;

/** A mail like any other, frozen: whoever changes it throws. Its header names people who are not in the envelope. */
export function mailTo(
  { from }: { readonly from: string },
  to: readonly string[],
  form: (bytes: Buffer) => Content = contentOf,
): Mail {
  made += 1;
  const id = `conformance-${process.pid}-${made}`;
  const recipients = Object.freeze(to.map((address) => Object.freeze({ address })));
  const envelope: Envelope = Object.freeze({ from, to: recipients });
  const meta = Object.freeze({ tenant: "conformance" });
  return Object.freeze({ id, envelope, content: Object.freeze(form(bytesFor(id, from))), meta });
}

/** The content has the id of its mail in it, and lines that a careless client changes. */
function bytesFor(id: string, from: string): Buffer {
  const lines = [
    `From: <${from}>`,
    "To: Stranger <stranger@example.net>, Another <another@example.net>",
    "Subject: Conformance",
    "Date: Thu, 01 Jan 2026 00:00:00 +0000",
    `Message-ID: <${id}@example.org>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=us-ascii",
    "",
    ".",
    "..",
    ".one dot in front",
    "",
    "a space at the end ",
    `a long line ${"x".repeat(900)}`,
    ...Array.from({ length: 40 }, (_, index) => `line ${index} of the text`),
    "QUIT",
    "",
  ];
  return Buffer.from(lines.join("\r\n"));
}

/** Content whose chunks come one per turn of the event loop; counts what is asked for. */
export interface Watched {
  readonly form: (bytes: Buffer) => Content;
  /** How often a chunk was asked for. */
  readonly reads: number;
}

const PIECES = 8;

/** `onRead` is called before chunk 0, 1, … and, with their count, before the end. */
export function watched(onRead: (index: number) => void = () => undefined): Watched {
  let reads = 0;
  async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
    const size = Math.ceil(bytes.length / PIECES);
    for (let index = 0; index <= PIECES; index += 1) {
      reads += 1;
      onRead(index);
      await turn();
      if (index < PIECES) yield bytes.subarray(index * size, (index + 1) * size);
    }
  }
  return {
    form: (bytes) => ({ size: bytes.length, open: () => chunks(bytes) }),
    get reads() {
      return reads;
    },
  };
}

/** Number of moments that `watched` reports. */
export const MOMENTS: number = PIECES + 1;

/** Content that stops in the middle until the check lets it go on. */
export interface Gated {
  readonly form: (bytes: Buffer) => Content;
  /** Resolves when the reader waits in the middle. */
  readonly reached: Promise<void>;
  release(): void;
}

export function gated(): Gated {
  const reached = deferral<void>();
  const gate = deferral<void>();
  async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, bytes.length >> 1);
    reached.resolve();
    await gate.promise;
    yield bytes.subarray(bytes.length >> 1);
  }
  return {
    form: (bytes) => ({ size: bytes.length, open: () => chunks(bytes) }),
    reached: reached.promise,
    release: () => gate.resolve(),
  };
}

/** The ways in which a content may give its bytes, all of them the same. */
export const FORMS: Readonly<Record<string, (bytes: Buffer) => Content>> = {
  "one chunk": contentOf,
  "single bytes": (bytes) => ({ size: bytes.length, open: () => pieces(bytes, 1) }),
  "of unknown size": (bytes) => ({ open: () => pieces(bytes, 100) }),
  "with empty chunks": (bytes) => ({ size: bytes.length, open: () => [new Uint8Array(0), bytes, new Uint8Array(0)] }),
  asynchronous: (bytes) => watched().form(bytes),
};

function* pieces(bytes: Buffer, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Contents that cannot be read, each in its own way. */
export const BROKEN: Readonly<Record<string, (bytes: Buffer) => Content>> = {
  "open() throws": () => ({
    open() {
      throw new Error("cannot be opened");
    },
  }),
  "fails at once": () => ({ open: () => failing(Buffer.alloc(0)) }),
  "fails in the middle": (bytes) => ({ size: bytes.length, open: () => failing(bytes.subarray(0, bytes.length >> 1)) }),
};

async function* failing(first: Buffer): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  await turn();
  throw new Error("cannot be read");
}
