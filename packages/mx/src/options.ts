import type { Rule, Rules } from "@postroad/core";
import { ConfigError, checkOptions, isBoolean, isDuration, isFunction, isInteger, isObject, isOneOf, isString } from "@postroad/core";
import type { PoolOptions, SmtpOptions, Timeouts } from "@postroad/smtp";
import { isIP } from "node:net";
import type { AddressOrder } from "./addresses.ts";
import { isRanges } from "./addresses.ts";
import type { CacheOptions } from "./dns/cache.ts";
import type { Resolver } from "./dns/resolver.ts";
import type { MtaStsOptions } from "./policy/sts.ts";
import type { PoolsOptions } from "./pools.ts";
import type { TlsObservation } from "./tls-rpt/observation.ts";

export interface MxOptions {
  /** What EHLO says: the full name of this host, to which its address should lead back. @default the host's full name */
  readonly name?: string;
  /** Port of mail exchangers. @default 25 */
  readonly port?: number;
  /** Asks DNS. @default dnsResolver() */
  readonly resolver?: Resolver;
  /** Bounds of the cache of DNS answers. */
  readonly cache?: CacheOptions;
  /** Which addresses of a host are tried, and which first. @default "ipv6-first" */
  readonly addresses?: AddressOrder;
  /** Ranges such as `10.0.0.0/8` that are sent to although they are for special purposes (RFC 6890). @default none */
  readonly allow?: readonly string[];
  /** Further names and addresses of this host: mail that leads to them is in a loop. @default `name`, and the addresses of the interfaces but loopback */
  readonly self?: readonly string[];
  /** Address of this machine to send from; two for the two families. @default the system's choice */
  readonly localAddress?: string | readonly string[];
  /** Hosts of a domain that are considered. @default 20 */
  readonly maxHosts?: number;
  /** Addresses that are tried for a mail and domain, at least 2 (RFC 5321 §5.1). @default 5 */
  readonly maxAddresses?: number;
  /** Domains of one mail that are sent to at once. @default 10 */
  readonly concurrency?: number;
  /** Keeps to DANE (RFC 7672) where DNS is signed and the resolver can be trusted to have checked it. @default true */
  readonly dane?: boolean;
  /** Keeps to MTA-STS (RFC 8461); `false` does not. */
  readonly mtaSts?: boolean | MtaStsOptions;
  /** Takes down what became of TLS: `tlsReports()`, or a function of one's own. */
  readonly tlsReports?: { record(observation: TlsObservation): void };
  /** Passed to node:tls: ca, ciphers, minVersion (at least TLSv1.2) and so on. */
  readonly tls?: SmtpOptions["tls"];
  /** Bounds of what is kept of hosts. */
  readonly pools?: PoolsOptions;
  /** Connections to one host; a number stands for `{ connections }`. @default 5 */
  readonly pool?: number | PoolOptions;
  /** Of each step with a host, as for smtp(). */
  readonly timeouts?: Timeouts;
  /** Milliseconds that one host may take in all. @default 1_200_000 */
  readonly deadline?: number;
  /** Gives numbers from 0 to 1, for the order of hosts of one preference. @default Math.random */
  readonly random?: () => number;
  /** The current time, in milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
}

const rules: Rules<MxOptions> = {
  name: isString,
  port: isInteger(1, 65_535),
  resolver: isObject,
  cache: isObject,
  addresses: isOneOf("ipv6-first", "ipv4-first", "ipv6-only", "ipv4-only"),
  allow: isRanges,
  self: isList("names and IP addresses", (text) => /^[\w.:-]{1,255}$/.test(text)),
  localAddress: isLocalAddress,
  maxHosts: isInteger(1, 1000),
  maxAddresses: isInteger(2, 100),
  concurrency: isInteger(1, 1000),
  dane: isBoolean,
  mtaSts: (value) => (typeof value === "boolean" || (typeof value === "object" && value !== null) ? undefined : "must be true, false or an object"),
  tlsReports: isObject,
  tls: (value) => (typeof value === "object" && value !== null ? undefined : "must be an object"),
  pools: isObject,
  pool: (value) => (typeof value === "object" && value !== null ? undefined : isInteger(1, 1000)(value)),
  timeouts: isObject,
  deadline: isDuration,
  random: isFunction,
  clock: isFunction,
};

/** Throws a ConfigError that names every wrong option. */
export function checkMxOptions(options: MxOptions): void {
  checkOptions("mx", options, rules);
  checkOptions("mx: pools", options.pools ?? {}, { hosts: isInteger(1, 100_000), idle: isDuration });
  if (options.port === 465 || options.port === 587) {
    const message = `is ${options.port}, which is for submission; mail exchangers listen on 25`;
    throw new ConfigError("mx", [{ path: "port", message }]);
  }
  if (options.tls?.servername !== undefined) {
    throw new ConfigError("mx", [{ path: "tls.servername", message: "would be the same for every host; leave it out" }]);
  }
}

function isList(what: string, test: (text: string) => boolean): Rule {
  return (value) => (Array.isArray(value) && value.every((each) => typeof each === "string" && test(each)) ? undefined : `must be a list of ${what}`);
}

function isLocalAddress(value: unknown): string | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const families = list.map((each) => (typeof each === "string" ? isIP(each) : 0));
  const fine = list.length > 0 && !families.includes(0) && new Set(families).size === families.length;
  return fine ? undefined : "must be an IP address, or two of the two families";
}
