import type { Outcome } from "./outcome.ts";

/**
 * Without a reply: shutting down or closed by 421, and TLS or login that failed. Not 4.3.5, which is what `route` and
 * others say of a recipient they have no place for.
 */
const OF_THE_WAY: ReadonlySet<string> = new Set(["4.3.2", "4.7.4", "4.7.5", "4.7.11"]);
const SERVICE_NOT_AVAILABLE = 421;
const PERMANENT = 500;
const TOO_MANY_REQUESTS = 429;

/**
 * Is it the way there that failed, for everybody alike? No connection, no TLS, no login; a server that closes (421,
 * RFC 5321 §3.8), or says 5yz to us before it knows the mail. A reply about this mail or this recipient never is.
 */
export function isConnectionFailure(outcome: Outcome): boolean {
  if (outcome.kind !== "deferred") return false;
  const { status, reply } = outcome;
  // Credentials are never the mail's fault.
  if (status === "4.7.8") return true;
  // A 5yz that defers was not about the mail: it would have rejected.
  if (reply !== undefined) return reply.code === SERVICE_NOT_AVAILABLE || reply.code >= PERMANENT;
  return status.startsWith("4.4.") || OF_THE_WAY.has(status);
}

/**
 * Does the other side want fewer of us at once? 421, HTTP's 429, a 4.7.x other than 4.7.1 (which is how greylisting
 * answers, RFC 6647 §5), or no connection at all.
 */
export function isCongestion(outcome: Outcome): boolean {
  if (isConnectionFailure(outcome)) return true;
  if (outcome.kind !== "deferred" || outcome.reply === undefined) return false;
  return outcome.reply.code === TOO_MANY_REQUESTS || (outcome.status.startsWith("4.7.") && outcome.status !== "4.7.1");
}

/** Did the other side answer at all? Without a reply only what was accepted tells so: other verdicts may be our own. */
export function isAnswer(outcome: Outcome): boolean {
  return outcome.kind === "accepted" || outcome.reply !== undefined;
}
