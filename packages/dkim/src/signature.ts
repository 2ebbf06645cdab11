import { Refusal } from "@postroad/core";
import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { hash, sign } from "node:crypto";
import { canonicalField } from "./canonical-header.ts";
import type { Field } from "./header.ts";
import { NOT_SIGNED } from "./not-signed.ts";
import type { KeyType, SigningKey } from "./private-key.ts";
import { select } from "./select.ts";
import type { ReadySigner } from "./signer.ts";
import type { Survey } from "./survey.ts";
import type { Tag } from "./tags.ts";
import { signedField, unsignedField } from "./tags.ts";

/** The DKIM-Signature field of one signer for a message (RFC 6376 §3.5, §3.7), CRLF at its end. */
export async function dkimSignature(signer: ReadySigner, message: Survey, now: number): Promise<string> {
  const { names, fields } = select(message.fields, signer.list);
  const tags: readonly Tag[] = [
    ["v", "1"],
    ["a", algorithmOf(signer.type)],
    ["c", `${signer.header}/${signer.body}`],
    ["d", signer.domain],
    ["s", signer.selector],
    ...identityTag(signer, message.fields),
    ...timeTags(signer, now),
    ["h", names],
    ["bh", message.bodyHashes.get(signer.body) ?? ""],
  ];
  const unsigned = unsignedField("DKIM-Signature", tags);
  const own: Field = { name: "dkim-signature", line: `${unsigned}\r\n` };
  const canonical = [...fields, own].map((field) => canonicalField(field, signer.header));
  return signedField(unsigned, await signatureOf(signer, canonical));
}

/** The value of `a=`. */
export function algorithmOf(type: KeyType): string {
  return `${type}-sha256`;
}

/**
 * The value of `b=`: signs header fields in canonical form, of which the last loses its CRLF. RSA takes a millisecond
 * and does so in the thread pool. Ed25519 takes 50 µs, less than the way to a thread and back costs.
 */
export async function signatureOf({ type, key }: SigningKey, fields: readonly string[]): Promise<string> {
  const data = Buffer.from(fields.join("").slice(0, -2), "latin1");
  // RFC 8463 §3: Ed25519 signs the hash.
  const signed = type === "rsa" ? await signInPool(key, data) : sign(null, hash("sha256", data, "buffer"), key);
  return signed.toString("base64");
}

function signInPool(key: KeyObject, data: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign("sha256", data, key, (error, signed) => {
      if (error === null) resolve(signed);
      else reject(new Refusal(NOT_SIGNED, "the message could not be signed", { phase: "sign", cause: error }));
    });
  });
}

/** UTF-8 only where the header has some already: then the mail needs SMTPUTF8 anyway (RFC 8616 §4). */
function identityTag({ identity }: ReadySigner, fields: readonly Field[]): readonly Tag[] {
  if (identity === undefined) return [];
  const isUtf8 = identity.ascii !== identity.utf8 && fields.some(({ line }) => /[\u0080-\u00ff]/.test(line));
  return [["i", isUtf8 ? identity.utf8 : identity.ascii]];
}

function timeTags({ timestamp, expiresIn }: ReadySigner, now: number): readonly Tag[] {
  if (timestamp === false && expiresIn === undefined) return [];
  const time = Math.floor((timestamp instanceof Date ? timestamp.getTime() : now) / 1000);
  const expiry = expiresIn === undefined ? undefined : time + expiresIn;
  const isTime = Number.isSafeInteger(time) && time >= 0 && now >= time * 1000;
  if (!isTime || (expiry !== undefined && expiry * 1000 <= now)) throw badTime(time, now);
  return [["t", String(time)], ...(expiry === undefined ? [] : [["x", String(expiry)] as const])];
}

function badTime(time: number, now: number): Refusal {
  const message = `a signature of ${time} would be void at ${Math.floor(now / 1000)}, both in seconds since 1970`;
  const advice = "Set the clock right, or take a later timestamp or a longer expiresIn.";
  return new Refusal(NOT_SIGNED, message, { phase: "sign", advice });
}
