import type { Mail, Outcome, Receipt, Recipient, SendOptions } from "@postroad/core";
import { mailboxKey, merge, narrow, pick, receipt, verdictOf } from "@postroad/core";
import type { Candidate, PassedOver } from "./candidates.ts";
import { candidatesOf } from "./candidates.ts";
import type { Context, Demands } from "./context.ts";
import { observationOf } from "./observe.ts";
import type { Plan } from "./plan.ts";
import { reportedSts } from "./policy/decide.ts";
import type { Used } from "./pools.ts";
import { CLEARTEXT } from "./security.ts";
import { failedByTls, goesOn, moreHopeful } from "./verdict.ts";
import { aborted } from "./wait.ts";

/** Delivers to one host after the other, until everybody has a verdict or there is no host left. */
export async function deliver(mail: Mail, plan: Plan, demands: Demands, context: Context, options: SendOptions): Promise<Receipt> {
  observePolicyFailure(plan, context);
  const best = new Map<string, Outcome>();
  const tried: string[] = [];
  let left: readonly Recipient[] = mail.envelope.to;
  let attempts = 0;
  for await (const candidate of candidatesOf(plan, demands, context, options)) {
    if (attempts >= context.maxAddresses) break;
    if (isCandidate(candidate)) attempts += 1;
    const part = narrow(mail, left);
    const got = isCandidate(candidate) ? await attempt(part, candidate, plan, demands, context, options) : passedOver(part, candidate, context);
    for (const outcome of got.outcomes) {
      const key = mailboxKey(outcome.recipient);
      best.set(key, moreHopeful(best.get(key), outcome));
    }
    left = pick(part, got, goesOn);
    if (left.length === 0 || options.signal?.aborted === true) break;
    tried.push(describe(candidate, got));
  }
  const none = verdictOf(aborted(), context.by);
  return receipt(mail, ({ address }) => withTrail(best.get(mailboxKey(address)) ?? { ...none, recipient: address }, tried));
}

function isCandidate(candidate: Candidate | PassedOver): candidate is Candidate {
  return "address" in candidate;
}

function passedOver(mail: Mail, { host, reason }: PassedOver, { by }: Context): Receipt {
  return receipt(mail, { ...verdictOf(reason, by), remote: reason.options.remote ?? host });
}

/**
 * By one address; in clear text for those whom TLS failed, where no policy forbids it. A mail that policies do not concern,
 * such as a report about TLS, is in no report either (RFC 8460 §3).
 */
async function attempt(
  mail: Mail,
  candidate: Candidate,
  plan: Plan,
  demands: Demands,
  context: Context,
  options: SendOptions,
): Promise<Receipt> {
  const { security } = candidate.decision;
  const first = await context.pools.send({ ...candidate, security }, mail, options, demands.relaxed ? [] : plan.domains);
  observeSessions(first, candidate, context);
  const failed = security.mayFallBack === true && options.signal?.aborted !== true ? pick(mail, first.receipt, failedByTls) : [];
  if (failed.length === 0) return named(mail, first.receipt, candidate, context);
  const second = await context.pools.send({ ...candidate, security: CLEARTEXT }, narrow(mail, failed), options, []);
  return named(mail, merge(mail, first.receipt, second.receipt), candidate, context);
}

/** In our name; the host with the address that was talked to. */
function named(mail: Mail, { outcomes }: Receipt, { host, address }: Candidate, { by, port }: Context): Receipt {
  const remote = host === address ? `[${address}]:${port}` : `${host}[${address}]:${port}`;
  return { mail: mail.id, outcomes: outcomes.map((outcome) => ({ ...outcome, by, remote })) };
}

/** A domain that wants reports wants to hear that its policy was out of reach, too (RFC 8460 §4.3.2.2). */
function observePolicyFailure({ domains, sts: { policy, failure } }: Plan, { observe }: Context): void {
  if (failure === undefined) return;
  const reported = policy === undefined ? { type: "sts", strings: [], mxHosts: [] } as const : reportedSts(policy);
  for (const domain of domains) observe({ domain, policy: reported, failure: { result: failure.result, reason: failure.message } });
}

function observeSessions({ sessions }: Used, candidate: Candidate, { observe }: Context): void {
  for (const { domain, report } of sessions) {
    const observation = observationOf(domain, candidate, report);
    if (observation !== undefined) observe(observation);
  }
}

/** Hosts of which a message says that they were tried, too. */
const MOST_SHOWN = 4;

function describe(candidate: Candidate | PassedOver, { outcomes: [first] }: Receipt): string {
  return `${first?.remote ?? candidate.host} ${first?.status ?? ""}`.trim();
}

/** A failure says where else it was tried. */
function withTrail(outcome: Outcome, tried: readonly string[]): Outcome {
  const others = tried.filter((each) => each !== `${outcome.remote ?? ""} ${outcome.status}`);
  if (outcome.kind === "accepted" || !goesOn(outcome) || others.length === 0) return outcome;
  const shown = others.slice(0, MOST_SHOWN).join(", ");
  const more = others.length > MOST_SHOWN ? ` and ${others.length - MOST_SHOWN} more` : "";
  return { ...outcome, message: `${outcome.message}; also tried: ${shown}${more}` };
}
