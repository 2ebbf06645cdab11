import type { X509Certificate } from "node:crypto";
import { createHash } from "node:crypto";

/** A TLSA record (RFC 6698 §2.1). */
export interface Tlsa {
  /** 2: DANE-TA, an authority. 3: DANE-EE, the server's own certificate. */
  readonly usage: number;
  /** 0: the whole certificate. 1: its public key. */
  readonly selector: number;
  /** 0: as it is. 1: SHA-256. 2: SHA-512. */
  readonly matchingType: number;
  readonly data: Buffer;
}

/** `3 1 1 9f86d0…`; undefined for what is no TLSA record. */
export function parseTlsa(record: string): Tlsa | undefined {
  const match = /^(\d{1,3}) (\d{1,3}) (\d{1,3}) ((?:[\da-f]{2})*)$/i.exec(record);
  if (match === null) return undefined;
  const [usage = 0, selector = 0, matchingType = 0] = match.slice(1, 4).map(Number);
  if (Math.max(usage, selector, matchingType) > 255) return undefined;
  return { usage, selector, matchingType, data: Buffer.from(match[4] ?? "", "hex") };
}

export function presentation({ usage, selector, matchingType, data }: Tlsa): string {
  return `${usage} ${selector} ${matchingType} ${data.toString("hex")}`;
}

const DIGESTS = ["none", "sha256", "sha512"] as const;
const LENGTHS = [undefined, 32, 64];

/**
 * Can it be matched at all? Usages 0 and 1 cannot for SMTP: nobody agrees on whose authorities count (RFC 7672 §3.1.3).
 * Nor can what is of an unknown kind, or of a length that no digest has.
 */
export function isUsable({ usage, selector, matchingType, data }: Tlsa): boolean {
  const known = (usage === 2 || usage === 3) && selector <= 1 && matchingType < DIGESTS.length;
  const length = LENGTHS[matchingType];
  return known && (length === undefined ? data.length > 0 : data.length === length);
}

/** Is it this certificate that the record means? Names and dates are of no concern here. */
export function matches({ selector, matchingType, data }: Tlsa, certificate: X509Certificate): boolean {
  const bytes = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: "spki", format: "der" });
  const digest = DIGESTS[matchingType] ?? "none";
  return data.equals(digest === "none" ? bytes : createHash(digest).update(bytes).digest());
}
