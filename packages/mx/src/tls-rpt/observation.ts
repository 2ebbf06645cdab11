import type { TlsResult } from "./result.ts";

/** A policy as reports show it (RFC 8460 §4.4). */
export interface ReportedPolicy {
  readonly type: "tlsa" | "sts" | "no-policy-found";
  /** TLSA records, or the lines of an MTA-STS policy. */
  readonly strings: readonly string[];
  /** Hosts that an MTA-STS policy names. */
  readonly mxHosts: readonly string[];
}

/** What became of one attempt at a session that was to be protected. */
export interface TlsObservation {
  /** Of the recipient. */
  readonly domain: string;
  readonly policy: ReportedPolicy;
  readonly host?: string;
  readonly address?: string;
  /** Nothing where it succeeded. */
  readonly failure?: {
    readonly result: TlsResult;
    /** A code or a text that helps to find out why. */
    readonly reason?: string;
  };
}

export const NO_POLICY_FOUND: ReportedPolicy = { type: "no-policy-found", strings: [], mxHosts: [] };
