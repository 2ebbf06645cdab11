import { Buffer } from "node:buffer";

/** Octets on a full line of 76 columns (RFC 2045 §6.8). */
export const LINE_OCTETS = 57;
const CRLF = 2;

/** The two characters of every twelve bits, the first in the low octet, so that three octets take two look-ups. */
const PAIRS = pairs();

function pairs(): Uint16Array {
  const alphabet = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  return Uint16Array.from(
    { length: 4096 },
    (_, bits) => (alphabet[bits >> 6] ?? 0) | ((alphabet[bits & 63] ?? 0) << 8),
  );
}

/** Octets that `octets` of input become: lines of 76 columns, each with its CRLF. */
export function base64Size(octets: number): number {
  return 4 * Math.ceil(octets / 3) + CRLF * Math.ceil(octets / LINE_OCTETS);
}

/** Writes `input` to `output` from `at` on, in lines of 76 columns with a CRLF behind each; returns where it ends. */
export function writeBase64(input: Uint8Array, output: Buffer, at: number): number {
  if (input.byteLength === 0) return at;
  const last = Math.ceil(input.byteLength / LINE_OCTETS) * LINE_OCTETS - LINE_OCTETS;
  let to = writeLines(input, last, output, at);
  to += output.write(view(input, last).toString("base64"), to, "latin1");
  return to + output.write("\r\n", to, "latin1");
}

/**
 * Whole lines, up to octet `full` of the input, which is not its last: each step reads four octets and uses three.
 * Twice as fast as the runtime's own base64, whose result would have to be cut into lines besides.
 */
function writeLines(input: Uint8Array, full: number, output: Buffer, at: number): number {
  const source = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const target = new DataView(output.buffer, output.byteOffset, output.byteLength);
  let to = at;
  for (let from = 0; from < full;) {
    for (const end = from + LINE_OCTETS; from < end; from += 3) {
      const bits = source.getUint32(from);
      target.setUint32(to, (PAIRS[bits >>> 20] ?? 0) | ((PAIRS[(bits >>> 8) & 4095] ?? 0) << 16), true);
      to += 4;
    }
    target.setUint16(to, 0x0d0a);
    to += CRLF;
  }
  return to;
}

function view(bytes: Uint8Array, from: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, bytes.byteLength - from);
}

/** As many whole lines as make chunks of about 64 KiB. */
export const BLOCK_OCTETS: number = LINE_OCTETS * 840;

/** The encoding of bytes in memory, a block at a time, so that a large file is not held twice. */
export function* base64Blocks(input: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < input.byteLength; from += BLOCK_OCTETS)
    yield encoded(input.subarray(from, from + BLOCK_OCTETS));
}

export function encoded(input: Uint8Array): Buffer {
  const output = Buffer.allocUnsafe(base64Size(input.byteLength));
  writeBase64(input, output, 0);
  return output;
}
