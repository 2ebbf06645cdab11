import type { DomainDay, FailureCount, PolicyCount } from "./collector.ts";
import { DAY } from "./collector.ts";
import type { TlsResult } from "./result.ts";

/** A report as it is sent (RFC 8460 §4.4). */
export interface TlsReport {
  readonly "organization-name": string;
  readonly "date-range": { readonly "start-datetime": string; readonly "end-datetime": string };
  readonly "contact-info": string;
  readonly "report-id": string;
  readonly policies: readonly {
    readonly policy: {
      readonly "policy-type": string;
      readonly "policy-string"?: readonly string[];
      readonly "policy-domain": string;
      readonly "mx-host"?: readonly string[];
    };
    readonly summary: { readonly "total-successful-session-count": number; readonly "total-failure-session-count": number };
    readonly "failure-details"?: readonly FailureDetails[];
  }[];
}

interface FailureDetails {
  readonly "result-type": TlsResult;
  readonly "sending-mta-ip"?: string;
  readonly "receiving-mx-hostname"?: string;
  readonly "receiving-ip"?: string;
  readonly "failed-session-count": number;
  readonly "failure-reason-code"?: string;
}

/** Who reports. */
export interface Reporter {
  readonly organization: string;
  /** An address for people. */
  readonly contact: string;
  /** The domain in whose name reports are sent. */
  readonly submitter: string;
  /** The address that mail is sent from, where it is always the same. */
  readonly sendingIp: string | undefined;
}

export function reportOf(day: DomainDay, { organization, contact, sendingIp }: Reporter): TlsReport {
  return {
    "organization-name": organization,
    "date-range": { "start-datetime": seconds(day.start), "end-datetime": seconds(endOf(day)) },
    "contact-info": contact,
    "report-id": day.id,
    policies: [...day.policies.values()].map((counts) => policyOf(day.domain, counts, sendingIp)),
  };
}

/** The last second of the day. */
export function endOf({ start }: DomainDay): number {
  return start + DAY - 1000;
}

function policyOf(domain: string, { policy, succeeded, failed, failures }: PolicyCount, sendingIp: string | undefined): TlsReport["policies"][number] {
  return {
    policy: {
      "policy-type": policy.type,
      ...(policy.strings.length > 0 && { "policy-string": policy.strings }),
      "policy-domain": domain,
      ...(policy.mxHosts.length > 0 && { "mx-host": policy.mxHosts }),
    },
    summary: { "total-successful-session-count": succeeded, "total-failure-session-count": failed },
    ...(failures.size > 0 && { "failure-details": [...failures.values()].map((each) => detailsOf(each, sendingIp)) }),
  };
}

function detailsOf({ failure, host, address, count }: FailureCount, sendingIp: string | undefined): FailureDetails {
  return {
    "result-type": failure.result,
    ...(sendingIp !== undefined && { "sending-mta-ip": sendingIp }),
    ...(host !== undefined && { "receiving-mx-hostname": host }),
    ...(address !== undefined && { "receiving-ip": address }),
    "failed-session-count": count,
    ...(failure.reason !== undefined && { "failure-reason-code": failure.reason }),
  };
}

function seconds(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}
