import type { KeyObject } from "node:crypto";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import * as der from "./der.ts";

/** Who signs: a certificate and its key, both PEM. */
export interface Authority {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** Host names and IP addresses for the subjectAltName. @default ["localhost", "127.0.0.1", "::1"] */
  readonly names?: readonly string[];
  /** The signer. `"self"` signs with its own key. @default a fresh authority */
  readonly issuer?: Authority | "self";
  /** Ended yesterday. @default false */
  readonly expired?: boolean;
  /** Begins tomorrow. @default false */
  readonly notYetValid?: boolean;
  /** Hash under the signature; TLS clients refuse SHA-1. @default "sha256" */
  readonly digest?: "sha256" | "sha1";
  /** What "yesterday" and "tomorrow" refer to. @default new Date() */
  readonly now?: Date;
}

/** All PEM: `key` and `cert` for the server, `ca` for the client that shall trust it. */
export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

const DAY = 86_400_000;
const ECDSA = { sha256: "1.2.840.10045.4.3.2", sha1: "1.2.840.10045.4.1" } as const;
const COMMON_NAME = "2.5.4.3";
const EXTENSION = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
} as const;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const AUTHORITY_NAME = "Postroad test authority";

/** A certificate for tests, made on the spot with a P-256 key (RFC 5280). Valid from yesterday for 30 days. */
export function testCertificate(options: CertificateOptions = {}): TestCertificate {
  const { names = ["localhost", "127.0.0.1", "::1"], issuer = testAuthority(options.now) } = options;
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = names[0] ?? "nobody";
  const self = issuer === "self";
  const cert = issue({
    subject,
    publicKey: keys.publicKey,
    issuer: self ? subject : AUTHORITY_NAME,
    issuerKey: self ? keys.privateKey : createPrivateKey(issuer.key),
    validity: validity(options),
    digest: options.digest ?? "sha256",
    extensions: [
      extension(EXTENSION.basicConstraints, der.sequence(), true),
      extension(EXTENSION.extendedKeyUsage, der.sequence(...[SERVER_AUTH, CLIENT_AUTH].map(der.objectIdentifier))),
      extension(EXTENSION.subjectAltName, der.sequence(...names.map(generalName))),
    ],
  });
  return { key: pem(keys.privateKey), cert, ca: self ? cert : issuer.cert };
}

/** An authority of one's own, for several certificates that one `ca` vouches for. */
export function testAuthority(now: Date = new Date()): Authority {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyCertSign = 0x04;
  const cert = issue({
    subject: AUTHORITY_NAME,
    publicKey: keys.publicKey,
    issuer: AUTHORITY_NAME,
    issuerKey: keys.privateKey,
    validity: validity({ now }),
    digest: "sha256",
    extensions: [
      extension(EXTENSION.basicConstraints, der.sequence(der.boolean(true)), true),
      extension(EXTENSION.keyUsage, der.bitString(Buffer.of(keyCertSign), 2), true),
    ],
  });
  return { cert, key: pem(keys.privateKey) };
}

interface Request {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly issuer: string;
  readonly issuerKey: KeyObject;
  readonly validity: Buffer;
  readonly digest: keyof typeof ECDSA;
  readonly extensions: readonly Buffer[];
}

/** RFC 5280 §4.1: the signed part, the algorithm, the signature. */
function issue(request: Request): string {
  const algorithm = der.sequence(der.objectIdentifier(ECDSA[request.digest]));
  const version3 = der.explicit(0, der.integer(2));
  const signed = der.sequence(
    version3,
    der.integer(randomBytes(16)),
    algorithm,
    nameOf(request.issuer),
    request.validity,
    nameOf(request.subject),
    request.publicKey.export({ type: "spki", format: "der" }),
    der.explicit(3, der.sequence(...keyIdentifiers(request), ...request.extensions)),
  );
  const signature = sign(request.digest, signed, request.issuerKey);
  return wrapPem("CERTIFICATE", der.sequence(signed, algorithm, der.bitString(signature)));
}

/** By them a verifier finds the right one of several authorities of one name (RFC 5280 §4.2.1.1, §4.2.1.2). */
function keyIdentifiers({ publicKey, issuerKey }: Request): readonly Buffer[] {
  const authority = der.sequence(der.implicit(0, identifier(createPublicKey(issuerKey))));
  return [
    extension(EXTENSION.subjectKeyIdentifier, der.octetString(identifier(publicKey))),
    extension(EXTENSION.authorityKeyIdentifier, authority),
  ];
}

function identifier(key: KeyObject): Buffer {
  return createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
}

function extension(id: string, value: Buffer, critical: boolean = false): Buffer {
  return der.sequence(der.objectIdentifier(id), ...(critical ? [der.boolean(true)] : []), der.octetString(value));
}

function nameOf(commonName: string): Buffer {
  return der.sequence(der.set(der.sequence(der.objectIdentifier(COMMON_NAME), der.utf8String(commonName))));
}

function validity({ now = new Date(), expired, notYetValid }: CertificateOptions): Buffer {
  const [from, to] = expired === true ? [-30, -1] : notYetValid === true ? [1, 30] : [-1, 30];
  const day = (offset: number): Buffer => der.time(new Date(now.getTime() + offset * DAY));
  return der.sequence(day(from), day(to));
}

/** RFC 5280 §4.2.1.6: an address is [7] and its octets, a host name is [2]. */
function generalName(name: string): Buffer {
  return isIP(name) === 0 ? der.implicit(2, Buffer.from(name, "ascii")) : der.implicit(7, addressOctets(name));
}

function addressOctets(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const all = [...before, ...zeros, ...after].map((group) => group.padStart(4, "0"));
  return Buffer.from(all.join(""), "hex");
}

function groups(text: string): readonly string[] {
  return text === "" ? [] : text.split(":");
}

function pem(key: KeyObject): string {
  return wrapPem("PRIVATE KEY", key.export({ type: "pkcs8", format: "der" }));
}

/** RFC 7468 §2: base64 in lines of 64. */
function wrapPem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
