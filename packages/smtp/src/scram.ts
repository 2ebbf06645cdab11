import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Login } from "./login.ts";
import type { Mechanism } from "./sasl.ts";

/** Ties a login to the TLS connection under it, so that nobody can pass it on (RFC 5929, RFC 9266). */
export interface Binding {
  readonly type: "tls-exporter" | "tls-unique";
  readonly data: Buffer;
}

/** Fewer rounds make guessing cheap (RFC 7677 §4); more than this is an attack on our time. */
const ROUNDS = { min: 4096, max: 1_000_000 };

/** Anything in front would be an extension that must be understood (RFC 5802 §5.1, §7). */
const SERVER_FIRST = /^r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9]\d{0,6})(?:,|$)/;
const SERVER_FINAL = /^v=([A-Za-z0-9+/]+={0,2})(?:,|$)/;

const derive = promisify(pbkdf2);

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677): neither side shows the password, and both prove that they know it. With
 * `plus` the proof covers the TLS connection too. `nonce` is for the RFC's test vectors.
 */
export function scram({ user, pass }: Login, binding: Binding | undefined, plus: boolean, nonce: string = newNonce()): Mechanism {
  const header = gs2Header(binding, plus);
  const clientFirst = `n=${escape(saslPrep(user))},r=${nonce}`;
  let serverProof: Buffer | undefined;
  let trusted = false;

  async function prove(serverFirst: string): Promise<string | undefined> {
    const [, joint = "", salt = "", rounds] = SERVER_FIRST.exec(serverFirst) ?? [];
    const count = Number(rounds);
    const extended = joint.startsWith(nonce) && joint.length > nonce.length;
    if (!extended || count < ROUNDS.min || count > ROUNDS.max) return undefined;
    const bound = Buffer.concat([Buffer.from(header), plus && binding !== undefined ? binding.data : Buffer.alloc(0)]);
    const withoutProof = `c=${bound.toString("base64")},r=${joint}`;
    const message = `${clientFirst},${serverFirst},${withoutProof}`;
    const salted = await derive(saslPrep(pass), Buffer.from(salt, "base64"), count, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash("sha256").update(clientKey).digest(), message);
    serverProof = hmac(hmac(salted, "Server Key"), message);
    return `${withoutProof},p=${xor(clientKey, signature).toString("base64")}`;
  }

  function verify(serverFinal: string): string | undefined {
    // Its reason is for the server to put into a reply, which says whether it lasts.
    if (serverFinal.startsWith("e=")) return "";
    const given = Buffer.from(SERVER_FINAL.exec(serverFinal)?.[1] ?? "", "base64");
    trusted = serverProof !== undefined && given.length === serverProof.length && timingSafeEqual(given, serverProof);
    return trusted ? "" : undefined;
  }

  return {
    name: plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256",
    initial: header + clientFirst,
    complete: () => trusted,
    respond(challenge, round) {
      if (round === 0) return prove(challenge);
      return round === 1 ? verify(challenge) : undefined;
    },
  };
}

/** `p=…` uses the binding, `y` says that we would have, `n` that we cannot (RFC 5802 §6). */
function gs2Header(binding: Binding | undefined, plus: boolean): string {
  if (plus && binding !== undefined) return `p=${binding.type},,`;
  return binding === undefined ? "n,," : "y,,";
}

function newNonce(): string {
  return randomBytes(24).toString("base64");
}

function escape(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ (b[index] ?? 0)));
}

/** Mapped to nothing (RFC 3454 table B.1). */
const UNSEEN = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/g;

/** RFC 4013 §2.1, §2.2: other spaces become a space, what cannot be seen goes, the rest is composed. */
export function saslPrep(text: string): string {
  return text.replace(/\p{Zs}/gu, " ").replace(UNSEEN, "").normalize("NFKC");
}
