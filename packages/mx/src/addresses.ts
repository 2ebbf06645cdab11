import type { SendOptions } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { BlockList, isIP, isIPv6 } from "node:net";
import type { Answer, Resolver } from "./dns/resolver.ts";
import { ask } from "./dns/resolver.ts";

/** Which addresses of a host are tried, and which first. The families take turns, so that either gets its chance. */
export type AddressOrder = "ipv6-first" | "ipv4-first" | "ipv6-only" | "ipv4-only";

export interface HostAddresses {
  /** In the order to try them. */
  readonly addresses: readonly string[];
  /** DNSSEC proves that they are the host's. */
  readonly secure: boolean;
  /** What the host's name is an alias (CNAME) of; the same where it is none. */
  readonly canonical: string;
  /** Of a family that DNS did not tell about: there may be more addresses. */
  readonly failure: Refusal | undefined;
}

/** The addresses of a host. Never throws for what DNS says; without any, `failure` may say why. */
export async function addressesOf(host: string, resolver: Resolver, order: AddressOrder, options: SendOptions): Promise<HostAddresses> {
  const types = TYPES[order];
  const results = await Promise.allSettled(types.map((type) => ask(resolver, host, type, options)));
  const answers = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failures = results.flatMap((result) => (result.status === "rejected" && result.reason instanceof Refusal ? [result.reason] : []));
  return {
    addresses: interleaved(results.map((result) => (result.status === "fulfilled" ? result.value.records.filter((each) => isIP(each) > 0) : []))),
    secure: failures.length === 0 && answers.every(({ secure }) => secure),
    canonical: canonicalOf(answers) ?? host,
    failure: failures[0],
  };
}

const TYPES = {
  "ipv6-first": ["AAAA", "A"],
  "ipv4-first": ["A", "AAAA"],
  "ipv6-only": ["AAAA"],
  "ipv4-only": ["A"],
} as const;

function canonicalOf(answers: readonly Answer[]): string | undefined {
  return (answers.find(({ state }) => state === "found") ?? answers[0])?.name;
}

function interleaved(families: readonly (readonly string[])[]): readonly string[] {
  const longest = Math.max(0, ...families.map(({ length }) => length));
  return Array.from({ length: longest }, (_, index) => families.flatMap((family) => family[index] ?? [])).flat();
}

/**
 * No mail exchanger of anybody else's can be there: this host and network, private and shared networks, link-local,
 * documentation, benchmarks, protocols of their own (Teredo, ORCHID), relays for 6to4, multicast, reserved (RFC 6890, the IANA registries
 * of special-purpose addresses). Mail sent there would reach whatever listens inside, at the word of whoever published the record.
 */
const SPECIAL = [
  "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
  "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
  "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
];
/** IPv6 forms of IPv4 addresses: mapped, compatible, translated (RFC 6052; RFC 2765 §2.1, as SIIT had it), 6to4. What they stand for decides. */
const EMBEDDED = [
  { range: "::ffff:0:0/96", at: 12 },
  { range: "::ffff:0:0:0/96", at: 12 },
  { range: "::/96", at: 12 },
  { range: "64:ff9b::/96", at: 12 },
  { range: "2002::/16", at: 2 },
] as const;

/** Says of an address whether mail may go there. */
export function addressFilter(allow: readonly string[]): (address: string) => boolean {
  const allowed = blockList(allow);
  return (address) => includes(allowed, address) || !isSpecial(address);
}

const special = blockList(SPECIAL);
const embedded = EMBEDDED.map(({ range, at }) => ({ list: blockList([range]), at }));

function isSpecial(address: string): boolean {
  const inside = isIPv6(address) ? embedded.find(({ list }) => list.check(address, "ipv6")) : undefined;
  if (includes(special, address)) return true;
  return inside !== undefined && includes(special, ipv4In(address, inside.at));
}

/** Whatever way the address is written. */
export function includes(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** The IPv4 address in these four octets of an IPv6 address. */
function ipv4In(address: string, at: number): string {
  return octetsOf(address).slice(at, at + 4).join(".");
}

/** The sixteen octets of an IPv6 address (RFC 4291 §2.2). */
function octetsOf(address: string): readonly number[] {
  const dotted = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets) =>
    [0, 2].map((at) => (Number(octets[at]) * 256 + Number(octets[at + 1])).toString(16)).join(":"),
  );
  const [head = [], tail] = dotted.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const groups = tail === undefined ? [...head] : [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => "0"), ...tail];
  return groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]);
}

/** Ranges as `10.0.0.0/8`, or single addresses. Throws for anything else. */
export function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", length] = range.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  return list;
}

/** A rule for options that are such ranges. */
export function isRanges(value: unknown): string | undefined {
  const fine = Array.isArray(value) && value.every((each) => typeof each === "string" && isRange(each));
  return fine ? undefined : "must be a list of ranges such as 10.0.0.0/8 or fd00::/8";
}

function isRange(text: string): boolean {
  const [address = "", length, more] = text.split("/");
  if (isIP(address) === 0 || more !== undefined || (length !== undefined && !/^\d{1,3}$/.test(length))) return false;
  try {
    return blockList([text]) !== undefined;
  } catch {
    return false;
  }
}
