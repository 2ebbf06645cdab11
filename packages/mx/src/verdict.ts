import type { Outcome } from "@postroad/core";

/** Phases in which a server speaks of the mail, and no longer of itself. */
const OF_THE_MAIL: ReadonlySet<string> = new Set(["mail", "rcpt", "data", "body", "final"]);

/**
 * Is the next host to be asked about this recipient? Only where nobody can have taken the mail, and no server has given a
 * verdict on it: the host was out of reach, broke off, closes (421), says that its system is in trouble (x.3.x), or lacks
 * what this mail needs (RFC 5321 §5.1, RFC 6531 §3.5, RFC 8689 §4.2.1).
 */
export function goesOn(outcome: Outcome): boolean {
  if (outcome.kind === "accepted") return false;
  const { reply, status, diagnosis: { phase = "" } = {} } = outcome;
  if (outcome.kind === "rejected") return reply === undefined && (phase === "mail" || phase === "dns" || phase === "policy");
  if (outcome.uncertain === true) return false;
  // What we could not read ourselves is no better at another host.
  if (reply === undefined) return phase !== "body" || status === "4.4.2";
  return !OF_THE_MAIL.has(phase) || reply.code === 421 || status.startsWith("4.3.");
}

/** Of two that both go on, the one to report if nobody does better: what may yet succeed goes before what will not. */
export function moreHopeful(earlier: Outcome | undefined, later: Outcome): Outcome {
  return earlier?.kind === "deferred" && later.kind === "rejected" && goesOn(later) ? earlier : later;
}

/** TLS was tried, and there is no session because of it. */
export function failedByTls(outcome: Outcome): boolean {
  if (outcome.kind !== "deferred" || outcome.uncertain === true) return false;
  return outcome.diagnosis?.phase === "tls" || outcome.diagnosis?.phase === "starttls";
}
