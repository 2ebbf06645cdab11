import { ConfigError } from "@postroad/core";
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PrivateKey, Signer } from "../src/index.ts";
import { dkim, generateKey } from "../src/index.ts";
import { bytesOf, ed, edKey, rsa, rsaKey, signed, verdicts } from "./support.ts";
import { RFC8463 } from "./vectors.ts";

const rsaObject = createPrivateKey(rsaKey.privateKey);
const edObject = createPrivateKey(edKey.privateKey);
const pkcs1 = rsaObject.export({ format: "pem", type: "pkcs1" }).toString();
const seed = edObject.export({ format: "der", type: "pkcs8" }).subarray(-32);
const publicRaw = createPublicKey(edObject).export({ format: "der", type: "spki" }).subarray(-32);
const locked = rsaObject.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "open" }).toString();
const lockedOld = rsaObject.export({ format: "pem", type: "pkcs1", cipher: "aes-128-cbc", passphrase: "open" }).toString();
const lockedDer = edObject.export({ format: "der", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "open" });

function short(bits: number): string {
  return generateKeyPairSync("rsa", { modulusLength: bits }).privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

/** What is said of a key; whatever is said, it quotes neither the key nor the passphrase. */
function complaint(key: PrivateKey, passphrase?: string): string {
  const error = refusalOf(key, passphrase);
  expect(error.issues[0]?.path).toBe("key");
  expect(inspect(error, { depth: 9 })).not.toMatch(/MII|open sesame|ERR_OSSL/);
  return error.message;
}

function refusalOf(key: PrivateKey, passphrase: string | undefined): ConfigError {
  try {
    dkim({ ...rsa, key, ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("private keys", () => {
  it.each<[string, Signer, PrivateKey, string?]>([
    ["PKCS#8", rsa, rsaKey.privateKey],
    ["PKCS#1", rsa, pkcs1],
    ["Ed25519 in PEM", ed, edKey.privateKey],
    ["CRLF", rsa, rsaKey.privateKey.replaceAll("\n", "\r\n")],
    ["indented, with text around it", rsa, `key: |\n${rsaKey.privateKey.replaceAll(/^/gm, "    ")}\nmore: text`],
    ["on one line", rsa, rsaKey.privateKey.replaceAll("\n", " ")],
    ["with \\n spelled out", rsa, rsaKey.privateKey.replaceAll("\n", "\\n")],
    ["behind its public key", rsa, rsaKey.publicKey + rsaKey.privateKey],
    ["bytes of PEM", rsa, Buffer.from(pkcs1)],
    ["DER, PKCS#8", rsa, rsaObject.export({ format: "der", type: "pkcs8" })],
    ["DER, PKCS#1", rsa, rsaObject.export({ format: "der", type: "pkcs1" })],
    ["base64 of DER", rsa, rsaObject.export({ format: "der", type: "pkcs8" }).toString("base64")],
    ["a seed of 32 bytes", ed, new Uint8Array(seed)],
    ["base64 of a seed", ed, seed.toString("base64")],
    ["seed and public key", ed, Buffer.concat([seed, publicRaw]).toString("base64")],
    ["a KeyObject", ed, edObject],
    ["encrypted PKCS#8", rsa, locked, "open"],
    ["encrypted in OpenSSL's old way", rsa, lockedOld, "open"],
    ["encrypted, indented", rsa, lockedOld.replaceAll(/^/gm, "  "), "open"],
    ["encrypted DER", ed, lockedDer, "open"],
  ])("#65: reads a key that is %s", async (_, signer, key, passphrase) => {
    const out = await signed({ ...signer, key, ...(passphrase !== undefined && { passphrase }) });
    expect(await verdicts(out, signer)).toEqual(["pass"]);
  });

  it("D2, #65: refuses RSA of less than 1024 bits, and warns once of less than 2048", async () => {
    expect(complaint(short(512))).toMatch(/RSA key of 512 bits; DKIM needs 1024.*generateKey/);
    const warned = once(process, "warning");
    dkim({ ...rsa, key: RFC8463.rsaKey });
    const [warning]: unknown[] = await warned;
    expect(warning).toMatchObject({ code: "POSTROAD_DKIM_KEY", message: expect.stringMatching(/r1\._domainkey\.shop\.example has 1024 bits/) });
  });

  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const ed448 = generateKeyPairSync("ed448").privateKey;
  const damaged = RFC8463.rsaKey.replace("AoGAH0cx", "AoGAH1cx").replace("QQDzJB/0", "QQDzJB/1");
  it.each<[string, PrivateKey, RegExp, string?]>([
    ["an EC key", ec.export({ format: "pem", type: "sec1" }).toString(), /key of type ec; DKIM has RSA and Ed25519/],
    ["an EC key, PKCS#8", ec.export({ format: "pem", type: "pkcs8" }).toString(), /key of type ec/],
    ["an Ed448 key", ed448, /key of type ed448/],
    ["a public key", rsaKey.publicKey, /is a public key; signing takes the private one/],
    ["a public KeyObject", createPublicKey(rsaObject), /is a public key/],
    ["a public key in DER", createPublicKey(rsaObject).export({ format: "der", type: "spki" }), /is a public key/],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", /is a certificate/],
    ["cut off before its end", rsaKey.privateKey.slice(0, 800), /has no END line: it is cut off/],
    ["cut off in the middle", rsaKey.privateKey.replace(/\n.{64}\n.{64}\n/, "\n"), /is cut off or damaged/],
    ["damaged", damaged, /is cut off or damaged/],
    ["encrypted, without a passphrase", locked, /is encrypted; give its passphrase/],
    ["encrypted in OpenSSL's old way, without a passphrase", lockedOld, /is encrypted; give its passphrase/],
    ["encrypted with another passphrase", locked, /not with this passphrase/, "open sesame"],
    ["OpenSSH's", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----", /OpenSSH's own format; convert/],
    ["a path", "/etc/dkim/key.pem", /is no private key: give PEM/],
    ["empty", "", /is no private key/],
    ["31 bytes", new Uint8Array(31), /is no private key/],
  ])("#65: refuses a key that is %s, and says so", (_, key, message, passphrase) => {
    expect(complaint(key, passphrase)).toMatch(message);
  });

  it("#65: says which of several signers it is", () => {
    expect(() => dkim([rsa, { ...ed, key: "?" }])).toThrow("dkim: [1].key is no private key");
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => dkim({ ...rsa, key: 5 })).toThrow("key must be");
  });

  it("#65: no text makes it fail in another way", () => {
    const text = fc.oneof(fc.string(), fc.nat(rsaKey.privateKey.length).map((at) => rsaKey.privateKey.slice(at)));
    fc.assert(fc.property(text, (key) => {
      fc.pre(key.trim() !== rsaKey.privateKey.trim());
      expect(complaint(key)).not.toBe("");
    }), { numRuns: 50 });
  });
});

describe("generateKey", () => {
  it("makes keys that sign, encrypted where that is wanted", async () => {
    const { privateKey, type } = await generateKey({ type: "ed25519", passphrase: "open" });
    expect(type).toBe("ed25519");
    expect(privateKey).toContain("ENCRYPTED");
    const signer = { ...ed, key: privateKey, passphrase: "open" };
    expect(await verdicts(await signed(signer, bytesOf()), signer)).toEqual(["pass"]);
    expect(createPrivateKey((await generateKey({ bits: 3072 })).privateKey).asymmetricKeyDetails?.modulusLength).toBe(3072);
  });

  it("D2: makes no RSA key of less than 2048 bits", async () => {
    await expect(generateKey({ bits: 1024 })).rejects.toThrow("bits must be a whole number from 2048 to 4096");
  });
});
