import * as crypto from "node:crypto";
import { promisify } from "node:util";
import { ConfigError } from "@postroad/core";
import { saslPrep } from "./saslprep.ts";
import { keysOf, secretFrom } from "./scram-secret.ts";

/** 32 MiB and about 80 ms a login, as OWASP's Password Storage Cheat Sheet has it for scrypt. */
const COST = { ln: 15, r: 8, p: 1 };
const SCRYPT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
const ARGON2 = /^\$(argon2id?|argon2d)\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;

/** What to keep of a password: `$scrypt$ln=15,r=8,p=1$salt$hash`. */
export async function hashPassword(pass: string): Promise<string> {
  const salt = crypto.randomBytes(16);
  const hash = await scrypt(pass, salt, 32, COST);
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Is this the password? Knows scrypt as `hashPassword` writes it, argon2 (`$argon2id$v=19$…`; Node 24.7 and later), bcrypt (`$2b$…`; needs the
 * package bcryptjs) and SCRAM secrets. Throws a ConfigError for anything else. Takes as long for a wrong password as for the right one.
 */
export async function verifyPassword(pass: string, hash: string): Promise<boolean> {
  if (hash.startsWith("$scram-sha-256$")) return verifyScram(pass, hash);
  if (BCRYPT.test(hash)) return verifyBcrypt(pass, hash);
  const [, ln, r, p, salt = "", expected = ""] = SCRYPT.exec(hash) ?? [];
  if (ln !== undefined) {
    const wanted = Buffer.from(expected, "base64");
    const found = await scrypt(pass, Buffer.from(salt, "base64"), wanted.byteLength, { ln: Number(ln), r: Number(r), p: Number(p) });
    return crypto.timingSafeEqual(found, wanted);
  }
  return verifyArgon2(pass, hash);
}

/** Throws a ConfigError for a hash that `verifyPassword` does not know. */
export function checkHash(hash: string): void {
  if (hash.startsWith("$scram-sha-256$")) secretFrom(hash, { user: "" });
  else if (![SCRYPT, ARGON2, BCRYPT].some((form) => form.test(hash))) throw unknown();
}

function unknown(): ConfigError {
  return new ConfigError("password hash", [{ path: "hash", message: "is none of scrypt, argon2, bcrypt and scram-sha-256" }]);
}

async function scrypt(pass: string, salt: Uint8Array, length: number, { ln, r, p }: typeof COST): Promise<Buffer> {
  const options = { N: 2 ** ln, r, p, maxmem: 256 * 2 ** ln * r };
  return new Promise((resolve, reject) => {
    crypto.scrypt(saslPrep(pass), salt, length, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

async function verifyArgon2(pass: string, hash: string): Promise<boolean> {
  const [, algorithm, memory, passes, parallelism, salt = "", expected = ""] = ARGON2.exec(hash) ?? [];
  if (algorithm !== "argon2id" && algorithm !== "argon2d" && algorithm !== "argon2i") throw unknown();
  if (typeof crypto.argon2 !== "function") {
    throw new ConfigError("password hash", [{ path: "hash", message: `is ${algorithm}, for which Node 24.7 or later is needed` }]);
  }
  const wanted = Buffer.from(expected, "base64");
  const found = await promisify(crypto.argon2)(algorithm, {
    message: Buffer.from(saslPrep(pass)),
    nonce: Buffer.from(salt, "base64"),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: wanted.byteLength,
  });
  return crypto.timingSafeEqual(found, wanted);
}

async function verifyBcrypt(pass: string, hash: string): Promise<boolean> {
  const { compare } = await import("bcryptjs").catch((cause: unknown) => {
    throw new ConfigError("password hash", [{ path: "hash", message: `is bcrypt, which needs the package bcryptjs: ${String(cause)}` }]);
  });
  return compare(saslPrep(pass), hash);
}

async function verifyScram(pass: string, hash: string): Promise<boolean> {
  const { salt, iterations, storedKey } = secretFrom(hash, { user: "" });
  const keys = await keysOf(pass, salt, iterations);
  return crypto.timingSafeEqual(keys.storedKey, storedKey);
}

/** PHC strings leave out the padding. */
function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
