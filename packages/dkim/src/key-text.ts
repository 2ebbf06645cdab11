import { createPrivateKey, createPublicKey } from "node:crypto";
import { Buffer } from "node:buffer";
import { keyFault } from "./key-fault.ts";

/** A PEM block (RFC 7468) in the one form that every reader takes. */
export interface Pem {
  readonly label: string;
  readonly pem: string;
  readonly encrypted: boolean;
}

const BEGIN = /-----BEGIN ([A-Z0-9 ]+)-----/;

/**
 * The first private key of a text. It may be indented, on one line, or have `\n` spelled out: what becomes of a key
 * in YAML, in an environment variable, in JSON. Throws a KeyFault where it is none.
 */
export function pemOf(text: string): Pem {
  const plain = text.replaceAll(/\\r\\n|\\n|\r\n|\r/g, "\n");
  const blocks = plain.split(/(?=-----BEGIN )/).filter((block) => BEGIN.test(block));
  const block = blocks.find((each) => labelOf(each).endsWith("PRIVATE KEY")) ?? blocks[0];
  if (block === undefined) throw keyFault("isNoKey");
  const label = labelOf(block);
  if (label.endsWith("PUBLIC KEY")) throw keyFault("isPublic");
  if (label.includes("CERTIFICATE")) throw keyFault("isCertificate");
  if (!label.endsWith("PRIVATE KEY")) throw keyFault("isNoKey");
  const end = block.indexOf(`-----END ${label}-----`);
  if (end === -1) throw keyFault("isCutOff");
  return { label, ...bodyOf(label, block.slice(block.indexOf(label) + label.length + 5, end)) };
}

function labelOf(block: string): string {
  return BEGIN.exec(block)?.[1] ?? "";
}

/** The old encryption of OpenSSL is told in header lines, which base64 cannot be (RFC 1421 §4.6). */
function bodyOf(label: string, inner: string): Pick<Pem, "pem" | "encrypted"> {
  const lines = inner.split("\n").map((line) => line.trim());
  const headers = lines.filter((line) => line.includes(":"));
  const base64 = lines.filter((line) => !line.includes(":")).join("").replaceAll(/\s/g, "");
  const body = base64.match(/.{1,64}/g) ?? [];
  const top = headers.length > 0 ? [...headers, ""] : [];
  return {
    pem: [`-----BEGIN ${label}-----`, ...top, ...body, `-----END ${label}-----`, ""].join("\n"),
    encrypted: label.startsWith("ENCRYPTED") || headers.some((line) => /^Proc-Type:.*ENCRYPTED/i.test(line)),
  };
}

/** PKCS#8 of an Ed25519 key up to the seed itself (RFC 8410 §7). */
const BEFORE_SEED = Buffer.from("302e020100300506032b657004220420", "hex");

export function derOfSeed(seed: Uint8Array): Buffer {
  return Buffer.concat([BEFORE_SEED, seed]);
}

/** Seed and public key in one, as libsodium keeps them. */
export function isSeedPair(bytes: Buffer): boolean {
  const key = createPrivateKey({ key: derOfSeed(bytes.subarray(0, 32)), format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return spki.subarray(-32).equals(bytes.subarray(32));
}
