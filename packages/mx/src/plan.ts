import type { Recipient, SendOptions } from "@postroad/core";
import { Refusal } from "@postroad/core";
import type { Context } from "./context.ts";
import { destinationOf, withoutRoute } from "./destination.ts";
import type { Exchangers } from "./hosts.ts";
import { exchangersOf } from "./hosts.ts";
import type { StsFinding } from "./policy/sts.ts";
import { mapped } from "./wait.ts";

/** Where recipients go together: the same hosts under the same policy. */
export interface Plan {
  readonly recipients: readonly Recipient[];
  /** Their domains; none where the sender named an address. */
  readonly domains: readonly string[];
  /** Hosts by preference, best first. */
  readonly groups: readonly (readonly string[])[];
  /** DNSSEC proves that these are the hosts. */
  readonly secure: boolean;
  /** Other names of the domains, which a certificate may be for (RFC 7672 §3.2.2). */
  readonly aliases: readonly string[];
  readonly sts: StsFinding;
}

/** Recipients who cannot be sent to, and why; and where the others go. */
export interface Plans {
  readonly plans: readonly Plan[];
  readonly refused: readonly { readonly recipients: readonly Recipient[]; readonly reason: Refusal }[];
}

type Settled = { readonly key: string; readonly plan: Plan } | { readonly recipients: readonly Recipient[]; readonly reason: Refusal };

/** Sorts recipients by domain, and joins domains that have hosts and policy in common (RFC 5321 §4.5.4.1). */
export async function plansFor(recipients: readonly Recipient[], context: Context, relaxed: boolean, options: SendOptions): Promise<Plans> {
  const byDestination = new Map<string, Recipient[]>();
  const refused: Plans["refused"][number][] = [];
  for (const recipient of recipients) {
    try {
      const key = JSON.stringify(destinationOf(withoutRoute(recipient.address)));
      const others = byDestination.get(key);
      if (others === undefined) byDestination.set(key, [recipient]);
      else others.push(recipient);
    } catch (error) {
      refused.push({ recipients: [recipient], reason: refusalOf(error) });
    }
  }
  const settled = await mapped([...byDestination.values()], context.concurrency, (some) => planFor(some, context, relaxed, options));
  const plans = new Map<string, Plan>();
  for (const each of settled) {
    if ("reason" in each) refused.push(each);
    else plans.set(each.key, joined(plans.get(each.key), each.plan));
  }
  return { plans: [...plans.values()], refused };
}

/** All of one destination. */
async function planFor(recipients: readonly Recipient[], context: Context, relaxed: boolean, options: SendOptions): Promise<Settled> {
  const [first] = recipients;
  try {
    const destination = destinationOf(withoutRoute(first?.address ?? ""));
    if ("literal" in destination) {
      const { literal } = destination;
      const plan = { recipients, domains: [], groups: [[literal]], secure: false, aliases: [], sts: NO_POLICY };
      return { key: literal, plan };
    }
    const { domain } = destination;
    const [exchangers, sts] = await Promise.all([
      exchangersOf(domain, context.resolver, context, options),
      relaxed ? NO_POLICY : context.findPolicy(domain, options),
    ]);
    return { key: keyOf(exchangers, sts), plan: planOf(recipients, exchangers, sts) };
  } catch (error) {
    return { recipients, reason: refusalOf(error) };
  }
}

const NO_POLICY: StsFinding = { policy: undefined, failure: undefined };

function planOf(recipients: readonly Recipient[], { domain, canonical, groups, secure }: Exchangers, sts: StsFinding): Plan {
  return { recipients, domains: [domain], groups, secure, aliases: [...new Set([domain, canonical])], sts };
}

/** Not of domains that are signed: whose certificate may name what, DANE says for each of them (RFC 7672 §3.2.2). */
function keyOf({ domain, groups, secure }: Exchangers, { policy, failure }: StsFinding): string {
  return JSON.stringify([groups.map((hosts) => hosts.toSorted()), secure && domain, policy?.lines ?? failure?.message]);
}

function joined(plan: Plan | undefined, other: Plan): Plan {
  if (plan === undefined) return other;
  return { ...plan, recipients: [...plan.recipients, ...other.recipients], domains: [...plan.domains, ...other.domains] };
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  throw error;
}
