import type { Rules } from "@postroad/core";
import { ConfigError, checkOptions, isBoolean, isInteger } from "@postroad/core";
import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { createHash, createPublicKey } from "node:crypto";
import { isKeyObject } from "node:util/types";
import { normalName, recordName } from "./domain-name.ts";
import { KeyFault } from "./key-fault.ts";
import type { KeyOptions, Signer } from "./options.ts";
import { signerRules } from "./options.ts";
import { signingKey } from "./private-key.ts";

export interface RecordOptions {
  /** Says that the domain only tries DKIM out (RFC 6376 §3.6.1, `t=y`). @default false */
  readonly testing?: boolean;
  /** Says that `i=` is at the domain itself, never below it (`t=s`). @default false */
  readonly strict?: boolean;
  /** Seconds that others keep it, as the zone file says. @default 3600 */
  readonly ttl?: number;
}

/** A key record to publish (RFC 6376 §3.6). */
export interface DnsRecord {
  /** Without a dot at the end. */
  readonly name: string;
  readonly type: "TXT";
  /** All of it, as most web forms want it. */
  readonly value: string;
  /** The same in strings of at most 255 octets, as it travels (RFC 1035 §3.3). */
  readonly strings: readonly string[];
  /** A line of a zone file. */
  readonly zone: string;
}

const rules: Rules<RecordOptions> = {
  testing: isBoolean,
  strict: isBoolean,
  ttl: isInteger(0, 2_147_483_647),
};

/** The record for a signer. Its key may also be the public one, in PEM. */
export function dnsRecord(signer: Signer, options: RecordOptions = {}): DnsRecord {
  checkOptions("dnsRecord", signer, signerRules, ["domain", "selector", "key"]);
  checkOptions("dnsRecord", options, rules);
  const name = recordName(normalName(signer.selector), normalName(signer.domain));
  const key = publicKeyIn(signer);
  const flags = [options.testing === true ? "y" : "", options.strict === true ? "s" : ""].filter((flag) => flag !== "");
  const t = flags.length > 0 ? `t=${flags.join(":")}; ` : "";
  const value = `v=DKIM1; k=${key.asymmetricKeyType}; ${t}p=${published(key)}`;
  const strings = value.match(/.{1,255}/g) ?? [];
  const zone = `${name}. ${options.ttl ?? 3600} IN TXT ( ${strings.map((part) => `"${part}"`).join(" ")} )`;
  return { name, type: "TXT", value, strings, zone };
}

/** The value of `p=`: SubjectPublicKeyInfo for RSA, the 32 bytes alone for Ed25519 (RFC 8463 §4). */
export function published(key: KeyObject): string {
  const spki = key.export({ format: "der", type: "spki" });
  return (key.asymmetricKeyType === "ed25519" ? spki.subarray(-32) : spki).toString("base64");
}

/** SHA-256 of what `p=` holds, for people to compare. */
export function fingerprint(p: string): string {
  return `SHA256:${createHash("sha256").update(p, "base64").digest("base64").replaceAll("=", "")}`;
}

function publicKeyIn({ key, passphrase }: KeyOptions): KeyObject {
  try {
    return signingKey(key, passphrase).publicKey;
  } catch (error) {
    if (!(error instanceof KeyFault)) throw error;
    const given = error.fault === "isPublic" ? publicKeyOf(key) : undefined;
    if (given !== undefined) return given;
    throw new ConfigError("dnsRecord", [{ path: "key", message: error.message }]);
  }
}

function publicKeyOf(key: KeyOptions["key"]): KeyObject | undefined {
  if (isKeyObject(key)) return isOurs(key) ? key : undefined;
  try {
    const found = createPublicKey(typeof key === "string" ? key.trim() : Buffer.from(key));
    return isOurs(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function isOurs({ asymmetricKeyType: type }: KeyObject): boolean {
  return type === "rsa" || type === "ed25519";
}
