import type { Rule, Rules } from "@postroad/core";
import { checkOptions, isFunction, isOneOf } from "@postroad/core";
import { isKeyObject } from "node:util/types";
import type { Canonical } from "./canonical-header.ts";
import type { ResolveTxt } from "./check-dns.ts";
import { domainFault, selectorFault } from "./domain-name.ts";
import type { PrivateKey } from "./private-key.ts";
import { UNSIGNABLE } from "./select.ts";

/** In whose name a key signs: its record is at `<selector>._domainkey.<domain>`. */
export interface KeyOptions {
  /** The signing domain (RFC 6376 §3.5, `d=`). U-labels become A-labels. */
  readonly domain: string;
  /** Which of the domain's keys it is (`s=`). */
  readonly selector: string;
  /** The private key, RSA or Ed25519: PEM, DER, base64 of either, the seed of an Ed25519 key, or a KeyObject. */
  readonly key: PrivateKey;
  /** Of an encrypted key. */
  readonly passphrase?: string;
}

/** A key and how it signs. */
export interface Signer extends KeyOptions {
  /** How much header and body may change on the way (RFC 6376 §3.4, `c=`). @default "relaxed/relaxed" */
  readonly canonicalization?: `${Canonical}/${Canonical}`;
  /** Names of the fields to sign, From among them, in place of the usual ones (`h=`). */
  readonly headers?: readonly string[];
  /** Makes the signature break where a field is added that it lists (RFC 6376 §8.15). @default true */
  readonly oversign?: boolean;
  /** For whom it is signed: an address or `@domain`, at the signing domain or below (`i=`). @default none */
  readonly identity?: string;
  /** Says when it was signed (`t=`): true for the time of signing, or a Date that is not ahead. @default false */
  readonly timestamp?: boolean | Date;
  /** Milliseconds after which the signature is void (`x=`), 1000 at least; brings `t=` along. @default never */
  readonly expiresIn?: number;
}

export interface DkimOptions {
  /**
   * Who signs: "all" signers, or those for the domain of the mail's "from" address, or next above it.
   * @default "from" where the signers have several domains, else "all"
   */
  readonly choose?: "all" | "from";
  /** What becomes of mail that no signer is for: it stays with you, "defer", or leaves "unsigned". @default "defer" */
  readonly otherwise?: "defer" | "unsigned";
  /** Makes `check()` compare the published keys with your own; a function answers in place of DNS. @default false */
  readonly checkDns?: boolean | ResolveTxt;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
}

const text = (fault: (name: string) => string | undefined): Rule => (value) =>
  typeof value === "string" ? fault(value) : "must be a string";

const isKey: Rule = (value) =>
  typeof value === "string" || value instanceof Uint8Array || isKeyObject(value)
    ? undefined
    : "must be a private key: a string, bytes or a KeyObject";

/** Never shows the value. */
const isPassphrase: Rule = (value) => (typeof value === "string" ? undefined : "must be a string");

const isList: Rule = (value) => {
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) return "must be a list of field names";
  const names = value.map((name: string) => name.toLowerCase());
  const wrong = names.find((name) => !/^[!-9<-~]+$/.test(name));
  if (wrong !== undefined) return `has ${JSON.stringify(wrong)}, which is no name of a field`;
  const unsignable = names.find((name) => UNSIGNABLE.has(name));
  if (unsignable !== undefined) return `has ${unsignable}, which changes on the way (RFC 6376 §5.4.1)`;
  if (new Set(names).size < names.length) return "has a name twice";
  return names.includes("from") ? undefined : "lacks From, which has to be signed (RFC 6376 §5.4)";
};

const isTimestamp: Rule = (value) =>
  typeof value === "boolean" || (value instanceof Date && value.getTime() >= 0)
    ? undefined
    : "must be true, false or a Date";

const isLifetime: Rule = (value) =>
  typeof value === "number" && value >= 1000 && value < 1e15 ? undefined : "must be 1000 milliseconds or more";

const isBoolean: Rule = (value) => (typeof value === "boolean" ? undefined : "must be true or false");

/** Rules of what every signature needs. The key itself is checked where it is read. */
export const keyRules: Rules<KeyOptions> = {
  domain: text(domainFault),
  selector: text(selectorFault),
  key: isKey,
  passphrase: isPassphrase,
};

export const signerRules: Rules<Signer> = {
  ...keyRules,
  canonicalization: isOneOf("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"),
  headers: isList,
  oversign: isBoolean,
  identity: text((identity) => (identity.includes("@") ? undefined : "must be an address or @domain")),
  timestamp: isTimestamp,
  expiresIn: isLifetime,
};

const rules: Rules<DkimOptions> = {
  choose: isOneOf("all", "from"),
  otherwise: isOneOf("defer", "unsigned"),
  checkDns: (value) => (typeof value === "function" ? undefined : isBoolean(value)),
  clock: isFunction,
};

export function checkDkimOptions(options: DkimOptions): void {
  checkOptions("dkim", options, rules);
}
