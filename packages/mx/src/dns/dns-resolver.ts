import type { Rule, Rules, SendOptions } from "@postroad/core";
import { checkOptions, isBoolean, isDuration, isInteger } from "@postroad/core";
import type { DecodedPacket } from "dns-packet";
import { randomInt } from "node:crypto";
import { getServers } from "node:dns";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { Server } from "./exchange.ts";
import { byTcp, byUdp } from "./exchange.ts";
import type { QueryOptions, Reading } from "./message.ts";
import { FORMERR, MAX_ALIASES, NOERROR, NXDOMAIN, queryOf, rcodeName, rcodeOf, readResponse, responseTo } from "./message.ts";
import type { Answer, RecordType, Resolver } from "./resolver.ts";
import { noAnswer } from "./resolver.ts";

export interface DnsResolverOptions {
  /** Resolvers to ask, in this order: `"127.0.0.1"`, `"127.0.0.1:5353"`, `"[::1]:5353"`. @default those of the system */
  readonly servers?: readonly string[];
  /**
   * Believes a resolver that says it has checked DNSSEC (the AD bit). Only for resolvers that do, over a path that nobody
   * can forge answers on, such as the loopback interface; DANE needs it. @default with `servers`, whether all of them are
   * loopback addresses; else what `options trust-ad` of /etc/resolv.conf says
   */
  readonly trustAd?: boolean;
  /** Milliseconds to wait for one answer. @default 3000 */
  readonly timeout?: number;
  /** How often each resolver is asked before there is no answer. @default 2 */
  readonly tries?: number;
}

const isServers: Rule = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string" && serverOf(each) !== undefined)
    ? undefined
    : "must be IP addresses of resolvers, such as 127.0.0.1, 127.0.0.1:5353 or [::1]:5353";

const rules: Rules<DnsResolverOptions> = { servers: isServers, trustAd: isBoolean, timeout: isDuration, tries: isInteger(1, 10) };

/**
 * Asks recursive resolvers by UDP, and by TCP what does not fit. It reads no hosts file. Rejects with a Refusal 4.4.3
 * where none of them answers. Throws a ConfigError for wrong options.
 */
export function dnsResolver(options: DnsResolverOptions = {}): Resolver {
  checkOptions("dnsResolver", options, rules);
  const servers = (options.servers ?? getServers()).flatMap((each) => serverOf(each) ?? []);
  const { trustAd = trustedByDefault(options.servers), timeout = 3000, tries = 2 } = options;

  /** From the first of them that has an answer. */
  async function lookUp(name: string, type: RecordType, signal: AbortSignal | undefined): Promise<Reading> {
    let failure = noAnswer(name, type, "no resolver is configured", "NOSERVER");
    for (const server of Array.from({ length: tries }, () => servers).flat()) {
      try {
        const packet = await askServer(server, name, type, { edns: true, dnssec: trustAd }, timeout, signal);
        const answered = rcodeOf(packet) === NOERROR || rcodeOf(packet) === NXDOMAIN;
        if (answered) return readResponse(packet, name, type);
        failure = noAnswer(name, type, `${rcodeName(packet)} from ${server.address}`, rcodeName(packet));
      } catch (error) {
        if (signal?.aborted === true) throw error;
        failure = failureOf(error, server, name, type);
      }
    }
    throw failure;
  }

  async function resolve(name: string, type: RecordType, { signal }: SendOptions): Promise<Answer> {
    let secure = trustAd;
    let ttl = Infinity;
    let next = name;
    for (let hops = 0; hops <= MAX_ALIASES; hops += 1) {
      const { partial, ...answer } = await lookUp(next, type, signal);
      secure &&= answer.secure;
      ttl = Math.min(ttl, answer.ttl);
      if (!partial) return { ...answer, secure, ttl };
      next = answer.name;
    }
    throw noAnswer(name, type, "it is an alias (CNAME) of too many names, or of itself", "ALIASES");
  }

  return { resolve };
}

async function askServer(
  server: Server,
  name: string,
  type: RecordType,
  options: QueryOptions,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<DecodedPacket> {
  const id = randomInt(65_536);
  const query = queryOf(id, name, type, options);
  const match = (message: Buffer): DecodedPacket | undefined => responseTo(id, name, type, message);
  const within = (): AbortSignal => AbortSignal.any([AbortSignal.timeout(timeout), ...(signal === undefined ? [] : [signal])]);
  const first = await byUdp(server, query, match, within());
  const packet = first.flag_tc ? await byTcp(server, query, match, within()) : first;
  // An old server that does not know EDNS (RFC 6891 §6.2.2).
  if (rcodeOf(packet) === FORMERR && options.edns) return askServer(server, name, type, { edns: false, dnssec: false }, timeout, signal);
  return packet;
}

function failureOf(error: unknown, { address }: Server, name: string, type: RecordType): ReturnType<typeof noAnswer> {
  const late = error instanceof Error && error.name === "TimeoutError";
  const text = error instanceof Error ? error.message : String(error);
  return noAnswer(name, type, late ? `${address} did not answer in time` : `${address}: ${text}`, late ? "TIMEOUT" : "DNS", error);
}

function serverOf(text: string): Server | undefined {
  const match = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? text;
  const port = Number(match?.[3] ?? 53);
  return isIP(address) > 0 && port > 0 && port < 65_536 ? { address, port } : undefined;
}

/** The switch that resolv.conf(5) has for this very question, and that is set where a validating resolver is local. */
function trustedByDefault(servers: readonly string[] | undefined): boolean {
  if (servers !== undefined) return servers.every((each) => /^(?:127\.|::1$)/.test(serverOf(each)?.address ?? ""));
  try {
    return /^\s*options\s(?:.*\s)?trust-ad(?:\s|$)/m.test(readFileSync("/etc/resolv.conf", "utf8"));
  } catch {
    return false;
  }
}
