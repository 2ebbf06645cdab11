import type { SendOptions, Status } from "@postroad/core";
import { Refusal } from "@postroad/core";
import type { HostAddresses } from "../addresses.ts";
import type { Context, Demands } from "../context.ts";
import type { Plan } from "../plan.ts";
import type { Security } from "../security.ts";
import { ENCRYPTED, OPPORTUNISTIC, VERIFIED, byDane } from "../security.ts";
import type { ReportedPolicy, TlsObservation } from "../tls-rpt/observation.ts";
import { NO_POLICY_FOUND } from "../tls-rpt/observation.ts";
import type { DaneFinding } from "./dane.ts";
import { daneOf } from "./dane.ts";
import type { StsPolicy } from "./sts-policy.ts";
import { allowsHost } from "./sts-policy.ts";

/** How to talk to a host, and by which policy. */
export interface Decision {
  readonly security: Security;
  readonly policy: ReportedPolicy;
  /** What is wrong in spite of the session, for reports. */
  readonly flaw: TlsObservation["failure"];
  /** A policy that is only tried out: whether a session would have kept to it is to be reported. */
  readonly testing: boolean;
}

/**
 * Decides how a host has to be talked to: DANE goes before MTA-STS (RFC 8461 §2), and where there is neither, TLS is
 * opportunistic. Throws a Refusal where the host must be passed over.
 */
export async function decide(
  plan: Plan,
  host: string,
  found: HostAddresses,
  demands: Demands,
  context: Context,
  options: SendOptions,
): Promise<Decision> {
  if (demands.relaxed) return { security: OPPORTUNISTIC, policy: NO_POLICY_FOUND, flaw: undefined, testing: false };
  const dane = await lookUpDane(plan, host, found, context, options);
  if (dane !== undefined && dane.usable.length > 0) {
    const names = [...new Set([dane.base, host, ...plan.aliases])];
    return { security: byDane(dane, names, context.clock), policy: reportedDane(dane), flaw: undefined, testing: false };
  }
  const flaw = dane === undefined ? undefined : ({ result: "tlsa-invalid", reason: "no record is usable" } as const);
  const { policy } = plan.sts;
  const sts = policy === undefined || policy.mode === "none" ? undefined : byPolicy(policy, host, plan, context);
  if (sts?.mode === "enforce" || demands.requireTls) return verified(sts, dane, plan, flaw, demands);
  const security = dane === undefined ? OPPORTUNISTIC : ENCRYPTED;
  return { security, policy: reported(sts, dane), flaw, testing: sts !== undefined };
}

/** The name of the host has to come from somewhere that can be trusted; else it proves nothing that it has a certificate. */
function verified(sts: StsPolicy | undefined, dane: DaneFinding | undefined, plan: Plan, flaw: Decision["flaw"], demands: Demands): Decision {
  if (sts === undefined && !plan.secure) {
    const advice = "The domain needs DNSSEC or an MTA-STS policy before such mail can go there.";
    throw refusal("5.7.30", `the mail requires TLS, and nothing proves which hosts take mail for ${plan.domains.join(", ")}`, advice);
  }
  return { security: VERIFIED, policy: reported(sts, dane), flaw, testing: demands.requireTls && sts?.mode === "testing" };
}

/** The policy, if it lets mail go to this host. One that is only tried out keeps nobody away. */
function byPolicy(policy: StsPolicy, host: string, { domains }: Plan, context: Context): StsPolicy | undefined {
  if (allowsHost(policy, host)) return policy;
  const failure = { result: "validation-failure", reason: "the policy does not list the host" } as const;
  for (const domain of domains) context.observe({ domain, host, policy: reportedSts(policy), failure });
  if (policy.mode === "testing") return undefined;
  const advice = "The domain's MX records and its MTA-STS policy contradict each other; its operator has to mend one of them.";
  throw refusal("4.7.5", `the MTA-STS policy of ${domains.join(", ")} does not list ${host}`, advice);
}

async function lookUpDane(plan: Plan, host: string, found: HostAddresses, context: Context, options: SendOptions): Promise<DaneFinding | undefined> {
  if (!context.dane || !plan.secure) return undefined;
  try {
    return await daneOf(host, context.port, found, context.resolver, options);
  } catch (error) {
    if (options.signal?.aborted !== true && error instanceof Refusal) {
      const failure = { result: "dnssec-invalid", reason: error.message } as const;
      for (const domain of plan.domains) context.observe({ domain, host, policy: { type: "tlsa", strings: [], mxHosts: [] }, failure });
    }
    throw error;
  }
}

function refusal(status: Status<4 | 5>, message: string, advice: string): Refusal {
  return new Refusal(status, message, { phase: "policy", advice });
}

function reported(sts: StsPolicy | undefined, dane: DaneFinding | undefined): ReportedPolicy {
  if (sts !== undefined) return reportedSts(sts);
  return dane === undefined ? NO_POLICY_FOUND : reportedDane(dane);
}

function reportedDane({ records }: DaneFinding): ReportedPolicy {
  return { type: "tlsa", strings: records, mxHosts: [] };
}

export function reportedSts({ lines, mx }: StsPolicy): ReportedPolicy {
  return { type: "sts", strings: lines, mxHosts: mx };
}
