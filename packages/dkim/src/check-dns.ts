import type { Rules } from "@postroad/core";
import { Refusal, checkOptions, isFunction, isObject } from "@postroad/core";
import { resolveTxt as systemResolveTxt } from "node:dns/promises";
import { recordName } from "./domain-name.ts";
import type { Signer } from "./options.ts";
import { signerRules } from "./options.ts";
import { publishedKey } from "./published-key.ts";
import { fingerprint, published } from "./record.ts";
import type { ReadyKey } from "./signer.ts";
import { readyKey } from "./signer.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** Asks for the TXT records of a name, as `resolveTxt` of `node:dns/promises` does. */
export type ResolveTxt = (name: string) => Promise<readonly (readonly string[])[]>;

export interface CheckDnsOptions {
  /** In place of the system's resolver. */
  readonly resolveTxt?: ResolveTxt;
  readonly signal?: AbortSignal;
}

/** What DNS says of a key. */
export interface DnsFinding {
  /** Of the record. */
  readonly name: string;
  /**
   * `matches`: signatures verify. `differs`: another key is published. `withdrawn`: `p=` is empty. `unusable`:
   * verifiers do not take the record. `ambiguous`: there are several. `missing`: there is none. `unknown`: DNS did not
   * answer.
   */
  readonly state: "matches" | "differs" | "withdrawn" | "unusable" | "ambiguous" | "missing" | "unknown";
  /** For people: what it is, and what to do. */
  readonly message: string;
  /** SHA-256 of the own public key. */
  readonly own: string;
  /** SHA-256 of the one in DNS. */
  readonly published?: string;
  /** The record says that the domain only tries DKIM out (`t=y`). */
  readonly testing?: boolean;
}

const rules: Rules<CheckDnsOptions> = { resolveTxt: isFunction, signal: isObject };

/** Compares a key with what is published for it. Never throws for what DNS says. */
export async function checkDns(signer: Signer, options: CheckDnsOptions = {}): Promise<DnsFinding> {
  checkOptions("checkDns", options, rules);
  const key = readyKey("checkDns", signer, signerRules);
  return findingOf(key, options.resolveTxt ?? systemResolveTxt, options.signal);
}

/** Throws a Refusal for the first key that is not published as it is. */
export async function checkPublished(
  keys: readonly ReadyKey[],
  resolve: ResolveTxt | boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (resolve === false) return;
  const resolveTxt = resolve === true ? systemResolveTxt : resolve;
  const findings = await Promise.all(keys.map((key) => findingOf(key, resolveTxt, signal)));
  const bad = findings.find(({ state }) => state !== "matches");
  if (bad === undefined) return;
  throw new Refusal(bad.state === "unknown" ? "4.4.3" : "4.7.5", bad.message, { phase: "dns" });
}

async function findingOf(key: ReadyKey, resolveTxt: ResolveTxt, signal: AbortSignal | undefined): Promise<DnsFinding> {
  const name = recordName(key.selector, key.domain);
  const own = fingerprint(published(key.publicKey));
  try {
    const answers = await unlessAborted(resolveTxt(name), signal);
    return { name, own, ...compare(key, name, own, answers.map((strings) => strings.join(""))) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const isMissing = code === "ENOTFOUND" || code === "ENODATA";
    if (isMissing) return { name, own, ...missing(name) };
    return { name, own, state: "unknown", message: `${name}: DNS did not answer (${code})` };
  }
}

type Comparison = Omit<DnsFinding, "name" | "own">;

function compare(key: ReadyKey, name: string, own: string, records: readonly string[]): Comparison {
  const [record, second] = records;
  if (record === undefined) return missing(name);
  if (second !== undefined) {
    return { state: "ambiguous", message: `${name} has ${records.length} TXT records; leave one` };
  }
  const found = publishedKey(record);
  if (typeof found === "string") return { state: "unusable", message: `the record at ${name} ${found}` };
  const testing = found.flags.includes("y") ? { testing: true } : {};
  if (found.p === "") return { state: "withdrawn", message: `${name} has no key any more: p= is empty`, ...testing };
  const theirs = { published: fingerprint(found.p), ...testing };
  // Equal fingerprints are equal keys, however the base64 is written.
  if (found.type === key.type && theirs.published === own) {
    return { state: "matches", message: `${name} has this key`, ...theirs };
  }
  const there = `${name} has the ${found.type} key ${theirs.published}`;
  const here = `the private ${key.type} key here belongs to ${own}`;
  return { state: "differs", message: `${there}, and ${here}; publish dnsRecord() of it`, ...theirs };
}

function missing(name: string): Comparison {
  return { state: "missing", message: `${name} has no TXT record; publish dnsRecord() of the key` };
}
