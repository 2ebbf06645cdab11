import type { SendOptions } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { isHostName } from "./destination.ts";
import type { Answer, Resolver } from "./dns/resolver.ts";
import { ask, unroutable } from "./dns/resolver.ts";

/** The hosts that take mail for a domain. */
export interface Exchangers {
  readonly domain: string;
  /** Best first; those of one preference together. */
  readonly groups: readonly (readonly string[])[];
  /** DNSSEC proves that these are the hosts. */
  readonly secure: boolean;
  /** What the domain is an alias (CNAME) of; the same where it is none. */
  readonly canonical: string;
}

export interface HostOptions {
  /** Names of this host: mail that leads back to it is in a loop. In lower case. */
  readonly self: ReadonlySet<string>;
  /** Hosts of one domain that are considered at all. */
  readonly maxHosts: number;
}

/**
 * The mail exchangers of a domain (RFC 5321 §5.1). Throws a Refusal where there are none: 4.4.3 when DNS does not
 * answer, 5.1.2 for a domain that does not exist, 5.1.10 for one that takes no mail (RFC 7505), 5.4.4 where no MX names
 * a host, 5.4.6 where this host is the best.
 */
export async function exchangersOf(domain: string, resolver: Resolver, { self, maxHosts }: HostOptions, options: SendOptions): Promise<Exchangers> {
  const answer = await ask(resolver, domain, "MX", options);
  if (answer.state === "nxdomain") throw unroutable("5.1.2", `the domain ${domain} does not exist`, "Check its spelling.");
  const found = { domain, secure: answer.secure, canonical: answer.name };
  // Without MX the domain itself is the host, with preference 0.
  const groups = answer.state === "nodata" ? [[domain]] : grouped(usable(domain, answer));
  const own = groups.findIndex((hosts) => hosts.some((host) => self.has(host)));
  const before = own === -1 ? groups : groups.slice(0, own);
  if (before.length === 0) throw loop(domain);
  return { ...found, groups: capped(before, maxHosts) };
}

/** The mail would come back to where it is. */
export function loop(domain: string): Refusal {
  return unroutable("5.4.6", `mail for ${domain} leads back to this host`, "Deliver the domain's mail here, or point its MX elsewhere.");
}

interface Exchanger {
  readonly preference: number;
  readonly host: string;
}

function usable(domain: string, { records }: Answer): readonly Exchanger[] {
  const all = records.flatMap((record) => parseMx(record) ?? []);
  const [first] = all;
  if (first?.host === "." && all.length === 1) {
    const message = `the domain ${domain} takes no mail: 556 5.1.10 null MX`;
    throw new Refusal("5.1.10", message, { phase: "dns", advice: "Check the domain's spelling (RFC 7505)." });
  }
  // A null MX beside others is a mistake of theirs (RFC 7505 §3); so is a name that no host can have.
  const hosts = all.filter(({ host }) => isHostName(host));
  if (hosts.length === 0) throw unroutable("5.4.4", `no MX record of ${domain} names a host`, "The domain's operator has to mend its MX records.");
  return hosts;
}

/** `10 mx1.example.net` (RFC 1035 §3.3.9); undefined for anything else. */
export function parseMx(record: string): Exchanger | undefined {
  const match = /^(\d{1,5}) ([^\s]+)$/.exec(record);
  const preference = Number(match?.[1] ?? NaN);
  if (match?.[2] === undefined || !(preference <= 65_535)) return undefined;
  const name = match[2].toLowerCase();
  return { preference, host: name === "." ? name : name.replace(/\.$/, "") };
}

/** A host named twice counts where it is best. */
function grouped(exchangers: readonly Exchanger[]): readonly (readonly string[])[] {
  const seen = new Set<string>();
  const groups = new Map<number, string[]>();
  for (const { preference, host } of exchangers.toSorted((a, b) => a.preference - b.preference)) {
    if (seen.has(host)) continue;
    seen.add(host);
    const others = groups.get(preference);
    if (others === undefined) groups.set(preference, [host]);
    else others.push(host);
  }
  return [...groups.values()];
}

/** So many MX records are a mistake or an attack, and every host costs lookups and time. */
function capped(groups: readonly (readonly string[])[], most: number): readonly (readonly string[])[] {
  let left = most;
  return groups.flatMap((hosts) => {
    const some = hosts.slice(0, left);
    left -= some.length;
    return some.length > 0 ? [some] : [];
  });
}

/** In random order, each as likely as any other (RFC 5321 §5.1: to spread the load). Fisher and Yates'. */
export function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const index = Math.min(last, Math.floor(random() * (last + 1)));
    const [a, b] = [order[last], order[index]];
    if (a !== undefined && b !== undefined) [order[last], order[index]] = [b, a];
  }
  return order;
}
