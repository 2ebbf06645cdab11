import { createHmac, randomBytes } from "node:crypto";
import type { ScramSecret } from "./authenticator.ts";
import { ROUNDS } from "./scram-secret.ts";

/** What a client is shown of a secret before it proves anything. */
type Shown = Pick<ScramSecret, "iterations" | "salt">;

const USUAL: readonly Shown[] = [{ iterations: ROUNDS, salt: Buffer.alloc(16) }];

/**
 * Secrets for names that nobody has, with which no proof is right: for the `scram` part of an Authenticator. A name's is the same every
 * time, with as many rounds and octets of salt as one of `secrets`, each as often as it is there, so that a client cannot tell whether
 * somebody has that name. `key` is secret and stays the same when the process begins anew.
 */
export function scramDecoys(key: string | Uint8Array, secrets: readonly Shown[] = USUAL): (user: string) => ScramSecret {
  // In order, so that one more secret changes few names.
  const sorted = secrets.toSorted((a, b) => a.iterations - b.iterations || a.salt.byteLength - b.salt.byteLength);
  return (user) => {
    const salt = createHmac("sha512", key).update(`salt ${user}`).digest();
    const place = createHmac("sha256", key).update(`place ${user}`).digest().readUInt32BE() / 2 ** 32;
    const { iterations, salt: { byteLength } } = sorted[Math.floor(place * sorted.length)] ?? { iterations: ROUNDS, salt: { byteLength: 16 } };
    return { iterations, salt: salt.subarray(0, byteLength), storedKey: randomBytes(32), serverKey: randomBytes(32), login: undefined };
  };
}
