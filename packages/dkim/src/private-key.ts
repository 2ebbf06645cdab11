import type { KeyObject } from "node:crypto";
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import { isKeyObject } from "node:util/types";
import type { KeyFault } from "./key-fault.ts";
import { keyFault } from "./key-fault.ts";
import { derOfSeed, isSeedPair, pemOf } from "./key-text.ts";

/** A private key in any form people keep it in. */
export type PrivateKey = string | Uint8Array | KeyObject;

export type KeyType = "rsa" | "ed25519";

/** A key that has been seen to work. */
export interface SigningKey {
  readonly type: KeyType;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  /** Length of an RSA modulus; 256 for Ed25519. */
  readonly bits: number;
}

/** RFC 8301 §3.2: signers must not use less. */
const LEAST_BITS = 1024;

/**
 * Reads a private key: PEM (PKCS#1, PKCS#8, encrypted, indented, on one line, any line ends), DER, base64 of either, an
 * Ed25519 seed of 32 bytes, or a KeyObject. Throws a KeyFault that says what was given instead, and what to do.
 */
export function signingKey(given: PrivateKey, passphrase?: string): SigningKey {
  const key = isKeyObject(given) ? given : keyIn(given, passphrase);
  if (key.type !== "private") throw keyFault("isPublic");
  const type = typeOf(key);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 256;
  if (type === "rsa" && bits < LEAST_BITS) throw keyFault("isShort", String(bits));
  const publicKey = createPublicKey(key);
  if (!works(key, publicKey, type)) throw keyFault("isDamaged");
  return { type, key, publicKey, bits };
}

function keyIn(given: string | Uint8Array, passphrase: string | undefined): KeyObject {
  const bytes = Buffer.from(given);
  const text = bytes.toString("latin1").trim();
  if (text.includes("-----")) return keyOfPem(text, passphrase);
  const isText = typeof given === "string" || /^[A-Za-z0-9+/=\s_-]{40,}$/.test(text);
  return keyOfDer(isText ? Buffer.from(text, "base64") : bytes, passphrase);
}

function keyOfPem(text: string, passphrase: string | undefined): KeyObject {
  const { label, pem, encrypted } = pemOf(text);
  if (encrypted && passphrase === undefined) throw keyFault("needsPassphrase");
  const fault = encrypted ? "isLocked" : label === "OPENSSH PRIVATE KEY" ? "isOpenSsh" : "isDamaged";
  const input = { key: pem, format: "pem", ...(passphrase !== undefined && { passphrase }) } as const;
  return attempt(() => createPrivateKey(input), fault);
}

function keyOfDer(der: Buffer, passphrase: string | undefined): KeyObject {
  if (der.byteLength === 32) return createPrivateKey({ key: derOfSeed(der), format: "der", type: "pkcs8" });
  if (der.byteLength === 64 && isSeedPair(der)) return keyOfDer(der.subarray(0, 32), undefined);
  for (const type of ["pkcs8", "pkcs1"] as const) {
    try {
      return createPrivateKey({ key: der, format: "der", type, ...(passphrase !== undefined && { passphrase }) });
    } catch {
      // The other form is tried, and then it is none.
    }
  }
  throw keyFault(isPublicDer(der) ? "isPublic" : "isNoKey");
}

function isPublicDer(der: Buffer): boolean {
  try {
    createPublicKey({ key: der, format: "der", type: "spki" });
    return true;
  } catch {
    return false;
  }
}

/** What OpenSSL says of a key that it cannot read helps nobody, and could quote from it. */
function attempt(read: () => KeyObject, fault: KeyFault["fault"]): KeyObject {
  try {
    return read();
  } catch {
    throw keyFault(fault);
  }
}

function typeOf(key: KeyObject): KeyType {
  const type = key.asymmetricKeyType;
  if (type === "rsa" || type === "ed25519") return type;
  throw keyFault("isOfOtherType", type);
}

/** A key may be well-formed and its numbers wrong: then nothing it signs verifies. */
function works(key: KeyObject, publicKey: KeyObject, type: KeyType): boolean {
  const digest = type === "rsa" ? "sha256" : null;
  const probe = Buffer.alloc(32, 1);
  try {
    return verify(digest, probe, publicKey, sign(digest, probe, key));
  } catch {
    return false;
  }
}
