import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { ConfigError } from "@postroad/core";
import type { ScramSecret } from "./authenticator.ts";
import { saslPrep } from "./saslprep.ts";
import type { Login } from "./types.ts";

const derive = promisify(pbkdf2);

/** `$scram-sha-256$rounds,salt$StoredKey$ServerKey`, the last three in base64, as RFC 5803 §3 has them. */
const SECRET = /^\$scram-sha-256\$(\d{4,7}),([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/;

/** What `scramSecret` takes where nobody says otherwise. */
export const ROUNDS = 15_000;

/** What to keep of a password so that SCRAM-SHA-256 can check it. `rounds` at least 4096 (RFC 7677 §4). */
export async function scramSecret(pass: string, rounds: number = ROUNDS): Promise<string> {
  const salt = randomBytes(16);
  const { storedKey, serverKey } = await keysOf(pass, salt, rounds);
  return `$scram-sha-256$${rounds},${salt.toString("base64")}$${storedKey.toString("base64")}$${serverKey.toString("base64")}`;
}

/** For the `scram` part of an Authenticator. Throws a ConfigError for a text that `scramSecret` did not write. */
export function secretFrom(text: string, login: Login): ScramSecret {
  const [, rounds, salt = "", storedKey = "", serverKey = ""] = SECRET.exec(text) ?? [];
  if (rounds === undefined) throw new ConfigError("secretFrom", [{ path: "text", message: "is no secret of scramSecret()" }]);
  return { iterations: Number(rounds), salt: bytes(salt), storedKey: bytes(storedKey), serverKey: bytes(serverKey), login };
}

interface Keys {
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** RFC 5802 §3. */
export async function keysOf(pass: string, salt: Uint8Array, rounds: number): Promise<Keys> {
  const salted = await derive(saslPrep(pass), salt, rounds, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return {
    storedKey: createHash("sha256").update(clientKey).digest(),
    serverKey: createHmac("sha256", salted).update("Server Key").digest(),
  };
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, "base64");
}
