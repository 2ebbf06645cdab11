import type { Rules, Transport } from "@postroad/core";
import { ConfigError, checkOptions, isDuration, isFunction, isInteger, isObject } from "@postroad/core";
import { isIP } from "node:net";
import { isRanges } from "../addresses.ts";
import { isHostName } from "../destination.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { Fetch } from "../policy/sts-fetch.ts";
import type { TlsReportStore } from "./keeper.ts";

export interface TlsReportsOptions {
  /** Who reports, for people. */
  readonly organization: string;
  /** Address that reports come from, and that answers to them go to, e.g. `tls-reports@mail.example`. */
  readonly contact: string;
  /** Takes reports that go by mail: it must sign with DKIM for the domain of `contact`, or receivers ignore them. */
  readonly to: Transport;
  /** The domain in whose name mail is sent. @default the domain of `contact` */
  readonly submitter?: string;
  /** The address that mail is sent from, where it is always the same. @default not reported */
  readonly sendingIp?: string;
  /** Asks who wants reports. @default dnsResolver() */
  readonly resolver?: Resolver;
  /** Takes reports that go by https. @default by https on port 443 of addresses that are for everybody */
  readonly fetch?: Fetch;
  /** Ranges such as `10.0.0.0/8` that reports go to by https although they are for special purposes (RFC 6890). @default none */
  readonly allow?: readonly string[];
  /** Milliseconds that one report by https may take. @default 30_000 */
  readonly timeout?: number;
  /** Domains of which a day's sessions are taken down. @default 10_000 */
  readonly maxDomains?: number;
  /** Keeps the counts, once a minute, so that a restart loses none and a crash those of a minute. @default in memory alone */
  readonly store?: TlsReportStore;
  /** Told what became of each report. */
  readonly onReport?: (outcome: ReportOutcome) => void;
  /** The current time, in milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
  /** Gives numbers from 0 to 1, for the time of the day at which reports leave. @default Math.random */
  readonly random?: () => number;
}

/** What became of the report for one domain and day. */
export interface ReportOutcome {
  readonly domain: string;
  /** When the day began, in milliseconds since 1970. */
  readonly start: number;
  /** `sent`: somebody has it. `unwanted`: the domain asks for none. `failed`: to be tried again. `dropped`: nobody takes it, or it is too late. */
  readonly state: "sent" | "unwanted" | "failed" | "dropped";
  /** Who has it, and why others do not. */
  readonly message: string;
}

const rules: Rules<TlsReportsOptions> = {
  organization: (value) => (typeof value === "string" && /^[^\p{Cc}]{1,200}$/u.test(value) ? undefined : "must be the name of an organization, of up to 200 characters"),
  contact: (value) => (typeof value === "string" && domainOf(value) !== undefined ? undefined : "must be a mail address in ASCII"),
  to: isObject,
  submitter: (value) => (typeof value === "string" && isHostName(value) ? undefined : "must be a domain name, in lower case"),
  sendingIp: (value) => (typeof value === "string" && isIP(value) > 0 ? undefined : "must be an IP address"),
  resolver: isObject,
  fetch: isFunction,
  allow: isRanges,
  timeout: isDuration,
  maxDomains: isInteger(1),
  store: isObject,
  onReport: isFunction,
  clock: isFunction,
  random: isFunction,
};

/** Throws a ConfigError that names every wrong option. Gives the domain in whose name reports are sent. */
export function checkTlsReports(options: TlsReportsOptions): string {
  checkOptions("tlsReports", options, rules, ["organization", "contact", "to"]);
  const submitter = options.submitter ?? domainOf(options.contact);
  if (submitter !== undefined) return submitter;
  throw new ConfigError("tlsReports", [{ path: "contact", message: "must be a mail address in ASCII" }]);
}

function domainOf(address: string): string | undefined {
  const [, domain = ""] = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9.-]{1,189})$/.exec(address) ?? [];
  return isHostName(domain.toLowerCase()) ? domain.toLowerCase() : undefined;
}
