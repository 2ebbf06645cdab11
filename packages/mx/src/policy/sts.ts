import type { Rules, SendOptions } from "@postroad/core";
import { Refusal, checkOptions, isDuration, isFunction, isObject } from "@postroad/core";
import type { Resolver } from "../dns/resolver.ts";
import { ask } from "../dns/resolver.ts";
import { unlessAborted } from "../wait.ts";
import type { Fetch } from "./sts-fetch.ts";
import { StsFailure, fetchPolicy } from "./sts-fetch.ts";
import type { StsPolicy } from "./sts-policy.ts";
import { stsId } from "./sts-record.ts";

/** A policy as it is kept: plain data. */
export interface KeptPolicy {
  /** Of the DNS record that announced it. */
  readonly id: string;
  readonly policy: StsPolicy;
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
}

/** Keeps policies by domain. One that outlives the process protects the first mail after a restart, too. */
export interface PolicyStore {
  get(domain: string): Promise<KeptPolicy | undefined>;
  set(domain: string, kept: KeptPolicy): Promise<void>;
}

export interface MtaStsOptions {
  /** Fetches policies. @default by https on port 443 of addresses that mail may go to, whatever the proxy of the platform */
  readonly fetch?: Fetch;
  /** Milliseconds that fetching a policy may take. @default 30_000 */
  readonly timeout?: number;
  /** Where policies are kept. @default in memory, those of 10,000 domains */
  readonly store?: PolicyStore;
}

const rules: Rules<MtaStsOptions> = { fetch: isFunction, timeout: isDuration, store: isObject };

/** What MTA-STS says of a domain. */
export interface StsFinding {
  readonly policy: StsPolicy | undefined;
  /** Why the policy that the domain announces could not be had. */
  readonly failure: StsFailure | undefined;
}

/** Finds the policy of a domain. Throws a Refusal only where the store fails: without it a domain would lose its protection. */
export type FindPolicy = (domain: string, options: SendOptions) => Promise<StsFinding>;

/** Milliseconds after a failed attempt to fetch in which there is no other (RFC 8461 §3.3). */
const PAUSE = 300_000;
const MOST_DOMAINS = 10_000;
const NOTHING: StsFinding = { policy: undefined, failure: undefined };

/**
 * Policies of MTA-STS (RFC 8461), kept until their max_age is over: whatever becomes of the DNS record and the web
 * server, they hold. Throws a ConfigError for wrong options.
 */
export function stsPolicies(resolver: Resolver, options: MtaStsOptions, web: Fetch, clock: () => number): FindPolicy {
  checkOptions("mx: mtaSts", options, rules);
  const { fetch = web, timeout = 30_000, store = memoryStore() } = options;
  const failures = new Map<string, { readonly until: number; readonly failure: StsFailure }>();
  const fetching = new Map<string, Promise<StsFinding>>();

  async function find(domain: string, sending: SendOptions): Promise<StsFinding> {
    const kept = await keptFor(domain);
    const id = await announced(domain, sending);
    if (id === undefined || (kept?.id === id && !isHalfOver(kept))) return findingOf(kept);
    const failed = failures.get(domain);
    if (failed !== undefined && clock() < failed.until) return { ...findingOf(kept), ...(kept === undefined && { failure: failed.failure }) };
    const under = fetching.get(domain) ?? renew(domain, id, kept).finally(() => fetching.delete(domain));
    fetching.set(domain, under);
    return unlessAborted(under, sending);
  }

  /** Asked for in the name of everybody who waits, so no single signal ends it. */
  async function renew(domain: string, id: string, kept: KeptPolicy | undefined): Promise<StsFinding> {
    try {
      const policy = await fetchPolicy(domain, fetch, timeout);
      failures.delete(domain);
      await store.set(domain, { id, policy, fetchedAt: clock() });
      return { policy, failure: undefined };
    } catch (error) {
      if (!(error instanceof StsFailure)) throw storeFailed(error);
      remember(failures, domain, { until: clock() + PAUSE, failure: error });
      return { ...findingOf(kept), failure: error };
    }
  }

  async function keptFor(domain: string): Promise<KeptPolicy | undefined> {
    const kept = await store.get(domain).catch((error: unknown) => {
      throw storeFailed(error);
    });
    return kept !== undefined && clock() < kept.fetchedAt + kept.policy.maxAge * 1000 ? kept : undefined;
  }

  /** Renewed long before it ends: who blocks the web server must do so for half of its time (RFC 8461 §10.2). */
  function isHalfOver({ fetchedAt, policy }: KeptPolicy): boolean {
    return clock() >= fetchedAt + (policy.maxAge * 1000) / 2;
  }

  /** The id of the record. Where DNS does not answer there is none, as for a domain that has none (RFC 8461 §3.1). */
  async function announced(domain: string, sending: SendOptions): Promise<string | undefined> {
    try {
      const { records } = await ask(resolver, `_mta-sts.${domain}`, "TXT", sending);
      return stsId(records);
    } catch {
      return undefined;
    }
  }

  return find;
}

function storeFailed(cause: unknown): Refusal {
  const advice = "Mend the store given as mtaSts.store.";
  return new Refusal("4.3.0", "the store of MTA-STS policies failed", { phase: "policy", advice, cause });
}

function findingOf(kept: KeptPolicy | undefined): StsFinding {
  return kept === undefined ? NOTHING : { policy: kept.policy, failure: undefined };
}

function memoryStore(): PolicyStore {
  const policies = new Map<string, KeptPolicy>();
  return {
    get: (domain) => Promise.resolve(policies.get(domain)),
    set(domain, kept) {
      remember(policies, domain, kept);
      return Promise.resolve();
    },
  };
}

/** The oldest makes room. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MOST_DOMAINS && oldest !== undefined) map.delete(oldest);
}
