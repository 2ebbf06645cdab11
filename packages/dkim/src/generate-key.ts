import type { Rules } from "@postroad/core";
import { checkOptions, isInteger, isOneOf } from "@postroad/core";
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { KeyType } from "./private-key.ts";

const generate = promisify(generateKeyPair);

export interface KeyRequest {
  /** RSA is what every receiver verifies; Ed25519 is small and fast, and not yet verified by all. @default "rsa" */
  readonly type?: KeyType;
  /** Of an RSA key: 2048 to 4096. A record of more than 2048 may not fit into one UDP answer. @default 2048 */
  readonly bits?: number;
  /** Encrypts the private key (PKCS#8, AES-256-CBC). @default not encrypted */
  readonly passphrase?: string;
}

export interface KeyPair {
  readonly type: KeyType;
  /** PKCS#8 in PEM: the `key` of a signer. A secret. */
  readonly privateKey: string;
  /** SubjectPublicKeyInfo in PEM. `dnsRecord` takes either of the two. */
  readonly publicKey: string;
}

const rules: Rules<KeyRequest> = {
  type: isOneOf("rsa", "ed25519"),
  bits: isInteger(2048, 4096),
  passphrase: (value) => (typeof value === "string" && value !== "" ? undefined : "must be a string, and not empty"),
};

/** Makes a key pair, in the thread pool. */
export async function generateKey(request: KeyRequest = {}): Promise<KeyPair> {
  checkOptions("generateKey", request, rules);
  const { type = "rsa", bits = 2048, passphrase } = request;
  const protection = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  const encoding = {
    publicKeyEncoding: { format: "pem", type: "spki" },
    privateKeyEncoding: { format: "pem", type: "pkcs8", ...protection },
  } as const;
  const rsa = { modulusLength: bits, ...encoding };
  return { type, ...(type === "rsa" ? await generate("rsa", rsa) : await generate("ed25519", encoding)) };
}
