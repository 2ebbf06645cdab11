/** The part of the Distinguished Encoding Rules (ITU-T X.690 §10) that a certificate needs. */

/** A value: its tag, its length in the shortest form, its content. */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tag), lengthOf(body.length), body]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const octets = unsigned(length);
  return Buffer.concat([Buffer.of(0x80 | octets.length), octets]);
}

/** Big-endian, without leading zero octets. */
function unsigned(value: number): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
}

export function sequence(...content: readonly Uint8Array[]): Buffer {
  return tlv(0x30, ...content);
}

export function set(...content: readonly Uint8Array[]): Buffer {
  return tlv(0x31, ...content);
}

export function boolean(value: boolean): Buffer {
  return tlv(0x01, Buffer.of(value ? 0xff : 0));
}

/** A number that is not negative, from its octets, in the fewest there can be with the top bit clear. */
export function integer(octets: Uint8Array | number): Buffer {
  const bytes = typeof octets === "number" ? unsigned(octets) : octets;
  const first = bytes.findIndex((octet) => octet !== 0);
  const shortest = first === -1 ? Buffer.of(0) : bytes.subarray(first);
  return tlv(0x02, Buffer.of(...((shortest[0] ?? 0) >= 0x80 ? [0] : [])), shortest);
}

/** `unused` counts the bits at the end that do not belong to the value. */
export function bitString(bytes: Uint8Array, unused: number = 0): Buffer {
  return tlv(0x03, Buffer.of(unused), bytes);
}

export function octetString(...content: readonly Uint8Array[]): Buffer {
  return tlv(0x04, ...content);
}

/** From dotted form, e.g. `2.5.29.17`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** Seven bits an octet, the top bit set on all but the last. */
function base128(value: number): readonly number[] {
  const digits = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

export function utf8String(text: string): Buffer {
  return tlv(0x0c, Buffer.from(text));
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().replaceAll(/\.\d+|\D/g, "")}Z`;
  return date.getUTCFullYear() < 2050 ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits));
}

/** A context-specific tag: around a value (constructed), or in place of its own (`implicit`). */
export function explicit(number: number, ...content: readonly Uint8Array[]): Buffer {
  return tlv(0xa0 | number, ...content);
}

export function implicit(number: number, bytes: Uint8Array): Buffer {
  return tlv(0x80 | number, bytes);
}
