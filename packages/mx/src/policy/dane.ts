import type { SendOptions } from "@postroad/core";
import type { HostAddresses } from "../addresses.ts";
import type { Resolver } from "../dns/resolver.ts";
import { ask } from "../dns/resolver.ts";
import type { Tlsa } from "./tlsa.ts";
import { isUsable, parseTlsa } from "./tlsa.ts";

/** What DANE says of a host: TLS is a must, and which certificates are its. */
export interface DaneFinding {
  /** The TLSA base domain: what the server is asked for by name (SNI), too (RFC 7672 §8.1). */
  readonly base: string;
  /** Those that can be matched. None of them: TLS, whoever answers (RFC 7672 §2.2). */
  readonly usable: readonly Tlsa[];
  /** All of them, for reports. */
  readonly records: readonly string[];
}

/**
 * TLSA records of a host whose name is proven by DNSSEC. Undefined where DANE does not apply: its addresses are not
 * signed, or there are no signed TLSA records. Throws a Refusal where DNS does not answer: whoever can keep the answer
 * away must not turn DANE off by it (RFC 7672 §2.1.1).
 */
export async function daneOf(
  host: string,
  port: number,
  found: HostAddresses,
  resolver: Resolver,
  options: SendOptions,
): Promise<DaneFinding | undefined> {
  for (const base of await baseDomains(host, found, resolver, options)) {
    const answer = await ask(resolver, `_${port}._tcp.${base}`, "TLSA", options);
    if (answer.state !== "found") continue;
    // Not signed after all: it says nothing.
    if (!answer.secure) return undefined;
    const records = answer.records.flatMap((record) => parseTlsa(record) ?? []);
    return { base, usable: records.filter(isUsable), records: answer.records };
  }
  return undefined;
}

/** Where to look: what a signed alias leads to, then the name itself; of an alias that leaves signed zones, the name only. */
async function baseDomains(host: string, found: HostAddresses, resolver: Resolver, options: SendOptions): Promise<readonly string[]> {
  const { secure, canonical, failure } = found;
  if (failure !== undefined) throw failure;
  if (secure) return canonical === host ? [host] : [canonical, host];
  if (canonical === host) return [];
  const alias = await ask(resolver, host, "CNAME", options);
  return alias.state === "found" && alias.secure ? [host] : [];
}
