import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { ScramSecret } from "../authenticator.ts";
import type { Exchange, Mechanism } from "./exchange.ts";
import { malformed, textOf } from "./exchange.ts";
import { scramDecoys } from "../scram-decoys.ts";

/** `n`, `y` or `p=tls-exporter`, the identity asked for, the name and the nonce (RFC 5802 §7). */
const CLIENT_FIRST = /^((n|y|p=([A-Za-z0-9.-]+)),(?:a=([^,]*))?,)(n=([^,]+),r=([!-+\--~]+))$/;
const CLIENT_FINAL = /^(c=([A-Za-z0-9+/]+={0,2}),r=([!-+\--~]+)),p=([A-Za-z0-9+/]+={0,2})$/;

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677): neither side shows the password. With `plus` the proof covers the TLS connection
 * too, so that nobody in between can pass it on.
 */
export function scram(plus: boolean): Mechanism {
  return async (exchange) => {
    const first = textOf(exchange.initial ?? (await exchange.ask("")));
    const [, header = "", flag = "", type, identity, bare = "", name = "", clientNonce = ""] = CLIENT_FIRST.exec(first) ?? [];
    if (header === "" || !nameIsEscaped(name)) throw malformed();
    const user = unescape(name);
    exchange.claim(user);
    if (!bindingFits(plus, flag, type, exchange) || (identity !== undefined && unescape(identity) !== user)) return undefined;
    const secret = (await exchange.authenticator.scram?.(user, exchange.session)) ?? decoy(user);
    const nonce = clientNonce + randomBytes(18).toString("base64");
    const serverFirst = `r=${nonce},s=${base64(secret.salt)},i=${secret.iterations}`;
    const [, withoutProof, binding, joint, proof] = CLIENT_FINAL.exec(textOf(await exchange.ask(serverFirst))) ?? [];
    if (withoutProof === undefined || proof === undefined) throw malformed();
    const bound = Buffer.concat([Buffer.from(header), plus && exchange.binding !== undefined ? exchange.binding : Buffer.alloc(0)]);
    const intact = joint === nonce && binding === bound.toString("base64");
    const message = `${bare},${serverFirst},${withoutProof}`;
    const login = await exchange.prove(() => (intact && proves(secret, message, Buffer.from(proof, "base64")) ? secret.login : undefined));
    // The client checks us in turn, and says nothing in reply.
    if (login !== undefined) await exchange.ask(`v=${base64(hmac(secret.serverKey, message))}`);
    return login;
  };
}

/** A client that could have bound the login to TLS, and was told that we cannot, has been lied to (RFC 5802 §6). */
function bindingFits(plus: boolean, flag: string, type: string | undefined, { binding }: Exchange): boolean {
  if (plus) return type === "tls-exporter" && binding !== undefined;
  return flag === "n" || (flag === "y" && binding === undefined);
}

function proves({ storedKey }: Pick<ScramSecret, "storedKey">, message: string, proof: Buffer): boolean {
  const signature = hmac(storedKey, message);
  if (proof.byteLength !== signature.byteLength) return false;
  const clientKey = Buffer.from(proof.map((octet, at) => octet ^ (signature[at] ?? 0)));
  return timingSafeEqual(createHash("sha256").update(clientKey).digest(), storedKey);
}

const decoy = scramDecoys(randomBytes(32));

function nameIsEscaped(name: string): boolean {
  return !/=(?!2C|3D)/.test(name);
}

function unescape(name: string): string {
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

