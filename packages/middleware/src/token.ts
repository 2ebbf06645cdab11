import { Buffer } from "node:buffer";
import type { webcrypto } from "node:crypto";

/** Who wants to leave which list. */
export interface Subscription {
  /** The recipient's address, as it was in the envelope. */
  readonly address: string;
  /** The list, "" where there is only one. */
  readonly list: string;
}

/** Makes and reads tokens. */
export interface TokenSealer {
  /** The same subscription gives the same token, so that a mail sent again has the same bytes. */
  seal(subscription: Subscription): Promise<string>;
  /** Undefined for what is no token of ours. */
  open(token: string): Promise<Subscription | undefined>;
}

const NONCE = 12;
/** An address of 254 octets and a list's name of 255 fit in. */
const LONGEST = 1024;

/**
 * Tokens that can be neither read nor forged: AES-256-GCM, under keys that HKDF (RFC 5869) derives from the secret. The
 * nonce is an HMAC of the text, as in SIV modes (RFC 5297): it repeats for the same text alone, which gives the same
 * token. The first secret seals, all of them open.
 */
export function tokenSealer(secrets: readonly Uint8Array<ArrayBuffer>[]): TokenSealer {
  const all = secrets.map((secret) => {
    let keys: Promise<Keys> | undefined;
    return () => (keys ??= deriveKeys(secret));
  });

  return {
    async seal({ address, list }) {
      const [first] = all;
      if (first === undefined) throw new RangeError("there is no secret");
      const { encryption, nonces } = await first();
      const text = Buffer.from(JSON.stringify([list, address]));
      const iv = new Uint8Array(await crypto.subtle.sign("HMAC", nonces, text)).subarray(0, NONCE);
      const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, encryption, text);
      return Buffer.concat([iv, new Uint8Array(sealed)]).toString("base64url");
    },

    async open(token) {
      if (token.length > LONGEST || !/^[\w-]+$/.test(token)) return undefined;
      const bytes = Buffer.from(token, "base64url");
      for (const keys of all) {
        const text = await decrypt(bytes, await keys());
        if (text !== undefined) return subscriptionOf(text);
      }
      return undefined;
    },
  };
}

interface Keys {
  readonly encryption: webcrypto.CryptoKey;
  readonly nonces: webcrypto.CryptoKey;
}

async function deriveKeys(secret: Uint8Array<ArrayBuffer>): Promise<Keys> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const aes = { name: "AES-GCM", length: 256 };
  const hmac = { name: "HMAC", hash: "SHA-256", length: 256 };
  return {
    encryption: await crypto.subtle.deriveKey(hkdf("text"), base, aes, false, ["encrypt", "decrypt"]),
    nonces: await crypto.subtle.deriveKey(hkdf("nonce"), base, hmac, false, ["sign"]),
  };
}

function hkdf(purpose: string): webcrypto.HkdfParams {
  const info = Buffer.from(`postroad unsubscribe: ${purpose}`);
  return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
}

async function decrypt(bytes: Buffer<ArrayBuffer>, { encryption }: Keys): Promise<string | undefined> {
  try {
    const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, NONCE) };
    return Buffer.from(await crypto.subtle.decrypt(algorithm, encryption, bytes.subarray(NONCE))).toString();
  } catch {
    // Not sealed with this key, or too short to be: WebCrypto says no more than that it failed.
    return undefined;
  }
}

function subscriptionOf(text: string): Subscription | undefined {
  const parsed: unknown = JSON.parse(text);
  if (!isList(parsed)) return undefined;
  const [list, address] = parsed;
  return typeof list === "string" && typeof address === "string" ? { address, list } : undefined;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
