import type { ConfigIssue, Rules } from "@postroad/core";
import { ConfigError, checkOptions } from "@postroad/core";
import type { Canonical } from "./canonical-header.ts";
import { isTooLong, normalName, recordName } from "./domain-name.ts";
import type { Identity } from "./identity.ts";
import { identityOf } from "./identity.ts";
import { KeyFault } from "./key-fault.ts";
import type { KeyOptions, Signer } from "./options.ts";
import { signerRules } from "./options.ts";
import type { SigningKey } from "./private-key.ts";
import { signingKey } from "./private-key.ts";
import type { Listed } from "./select.ts";
import { USUAL, listed } from "./select.ts";

/** A key whose options have been checked. */
export interface ReadyKey extends SigningKey {
  readonly domain: string;
  readonly selector: string;
}

/** A Signer whose options have been checked. */
export interface ReadySigner extends ReadyKey {
  readonly header: Canonical;
  readonly body: Canonical;
  readonly list: readonly Listed[];
  readonly identity: Identity | undefined;
  readonly timestamp: boolean | Date;
  /** Seconds. */
  readonly expiresIn: number | undefined;
}

/** Checks a signer and reads its key. Throws a ConfigError that names every wrong option. */
export function readySigner(signer: Signer, clock: () => number): ReadySigner {
  const ready = readyKey("dkim", signer, signerRules);
  const { canonicalization = "relaxed/relaxed", timestamp = false, expiresIn } = signer;
  const [header, body] = canonicalization.split("/").map((how): Canonical => (how === "simple" ? "simple" : "relaxed"));
  if (timestamp instanceof Date && timestamp.getTime() > clock()) throw refused("timestamp", "is ahead of the clock");
  return {
    ...ready,
    header: header ?? "relaxed",
    body: body ?? "relaxed",
    list: listOf(signer),
    identity: signer.identity === undefined ? undefined : identityIn(signer.identity, ready.domain),
    timestamp,
    expiresIn: expiresIn === undefined ? undefined : Math.ceil(expiresIn / 1000),
  };
}

/** Checks options that have a key, and reads it. */
export function readyKey<T extends KeyOptions>(
  subject: string,
  given: T,
  rules: Rules<T>,
  required: readonly (keyof T & string)[] = ["domain", "selector", "key"],
): ReadyKey {
  checkOptions(subject, given, rules, required);
  const [domain, selector] = [normalName(given.domain), normalName(given.selector)];
  const name = recordName(selector, domain);
  if (isTooLong(name)) throw refused("selector", `is too long: there can be no record at ${name}`, subject);
  const key = keyOf(subject, given);
  warnOfLength(key, name);
  return { ...key, domain, selector };
}

/** Runs `build` for something inside of a list, so that its errors say where. */
export function within<T>(path: string, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const issues = error.issues.map((issue): ConfigIssue => ({ ...issue, path: `${path}.${issue.path}` }));
    throw new ConfigError("dkim", issues);
  }
}

function keyOf(subject: string, { key, passphrase }: KeyOptions): SigningKey {
  try {
    return signingKey(key, passphrase);
  } catch (error) {
    if (error instanceof KeyFault) throw refused("key", error.message, subject);
    throw error;
  }
}

function warnOfLength({ type, bits }: SigningKey, name: string): void {
  if (type !== "rsa" || (bits >= 2048 && bits <= 4096)) return;
  const text = bits < 2048 ? "2048 are advised" : "verifiers need not take more than 4096";
  const message = `The RSA key of ${name} has ${bits} bits; ${text} (RFC 8301 §3.2).`;
  process.emitWarning(message, { code: "POSTROAD_DKIM_KEY" });
}

function listOf({ headers, oversign = true }: Signer): readonly Listed[] {
  if (headers !== undefined) return listed(headers, oversign ? "always" : "never");
  return oversign ? USUAL : USUAL.map(({ name }) => ({ name, oversign: "never" }));
}

function identityIn(given: string, domain: string): Identity {
  const message = `must be an address at ${domain} or below it, or @ and such a domain (RFC 6376 §3.5, i=)`;
  return identityOf(given, domain) ?? refuse("identity", message);
}

function refuse(path: string, message: string): never {
  throw refused(path, message);
}

function refused(path: string, message: string, subject: string = "dkim"): ConfigError {
  return new ConfigError(subject, [{ path, message }]);
}
