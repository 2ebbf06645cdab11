import type { SessionReport } from "@postroad/smtp";
import type { Candidate } from "./candidates.ts";
import type { Decision } from "./policy/decide.ts";
import type { TlsObservation } from "./tls-rpt/observation.ts";
import { resultOfCode } from "./tls-rpt/result.ts";

/** What a session tells of TLS for one domain; undefined where it tells nothing, such as a host that was out of reach. */
export function observationOf(domain: string, { host, address, decision }: Candidate, report: SessionReport): TlsObservation | undefined {
  const base = { domain, policy: decision.policy, host, address };
  const failure = report.refusal === undefined ? failureOf(report, decision) : failureToConnect(report.refusal.options);
  if (failure === "unrelated") return undefined;
  return failure === undefined ? base : { ...base, failure };
}

type Failure = TlsObservation["failure"];

function failureOf({ tls }: SessionReport, { flaw, testing }: Decision): Failure {
  if (tls === undefined) return { result: "starttls-not-supported" };
  if (flaw !== undefined) return flaw;
  if (!testing || tls.verified) return undefined;
  const code = tls.fault ?? "unknown";
  return { result: resultOfCode(code) ?? "validation-failure", reason: code };
}

function failureToConnect({ phase, code }: { readonly phase?: string; readonly code?: string }): Failure | "unrelated" {
  if (phase !== "tls" && phase !== "starttls") return "unrelated";
  if (phase === "starttls" && code === undefined) return { result: "starttls-not-supported" };
  return { result: resultOfCode(code ?? "") ?? "validation-failure", ...(code !== undefined && { reason: code }) };
}
