import type { SendOptions } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { isIP } from "node:net";
import type { HostAddresses } from "./addresses.ts";
import { addressesOf } from "./addresses.ts";
import type { Context, Demands } from "./context.ts";
import { unroutable } from "./dns/resolver.ts";
import { loop, shuffled } from "./hosts.ts";
import type { Plan } from "./plan.ts";
import type { Decision } from "./policy/decide.ts";
import { decide } from "./policy/decide.ts";

/** One address to try. */
export interface Candidate {
  readonly host: string;
  readonly address: string;
  readonly decision: Decision;
}

/** A host that cannot be tried, and why. */
export interface PassedOver {
  readonly host: string;
  readonly reason: Refusal;
}

/**
 * What to try, in order: hosts by preference, those of one preference at random (RFC 5321 §5.1), the addresses of each in
 * turn, none twice. Lazy: of a host that is not needed nothing is looked up. A preference that this host has itself ends
 * it, since from there on mail would only come back.
 */
export async function* candidatesOf(plan: Plan, demands: Demands, context: Context, options: SendOptions): AsyncGenerator<Candidate | PassedOver> {
  const seen = new Set<string>();
  for (const [rank, hosts] of plan.groups.entries()) {
    const found = await Promise.all(hosts.map(async (host) => ({ host, found: await lookUp(host, context, options) })));
    if (found.some(({ found: { addresses } }) => addresses.some(context.isSelf))) {
      // With others before it, they are the ones to say why the mail waits.
      if (rank === 0) yield { host: hosts.join(", "), reason: loop(plan.domains.join(", ")) };
      return;
    }
    for (const each of shuffled(found, context.random)) {
      for (const candidate of await ofHost(each.host, each.found, plan, demands, context, options)) {
        if ("address" in candidate && seen.has(candidate.address)) continue;
        if ("address" in candidate) seen.add(candidate.address);
        yield candidate;
      }
    }
  }
}

async function lookUp(host: string, context: Context, options: SendOptions): Promise<HostAddresses> {
  if (isIP(host) > 0) return { addresses: [host], secure: false, canonical: host, failure: undefined };
  return addressesOf(host, context.resolver, context.order, options);
}

async function ofHost(
  host: string,
  found: HostAddresses,
  plan: Plan,
  demands: Demands,
  context: Context,
  options: SendOptions,
): Promise<readonly (Candidate | PassedOver)[]> {
  const allowed = found.addresses.filter(context.mayGoTo);
  if (allowed.length === 0) return [{ host, reason: whyNone(host, found, plan) }];
  try {
    const decision = await decide(plan, host, found, demands, context, options);
    return allowed.map((address) => ({ host, address, decision }));
  } catch (error) {
    if (error instanceof Refusal) return [{ host, reason: error }];
    throw error;
  }
}

function whyNone(host: string, { addresses, failure }: HostAddresses, { domains }: Plan): Refusal {
  if (failure !== undefined) return failure;
  // An address literal is what the sender wrote, and no record that could be mended while the mail waits.
  if (domains.length === 0) {
    return unroutable("5.4.4", `no mail is sent to [${host}]: a special-purpose address (RFC 6890)`, "Correct the address; or if it is yours, name its range in allow.");
  }
  if (addresses.length > 0) {
    const advice = "If it is yours and meant to be reached, name its range in allow; else its domain takes no mail.";
    return unroutable("4.4.4", `no mail is sent to ${host} at ${addresses.slice(0, 4).join(", ")}: a special-purpose address (RFC 6890)`, advice);
  }
  // Without MX records, or because they name what does not exist (RFC 5321 §5.1: to be reported as an error).
  if (domains.includes(host)) return unroutable("5.1.2", `the domain ${host} has neither MX nor address records`, "Check its spelling.");
  return unroutable("5.4.4", `the mail exchanger ${host} has no address`, "The domain's operator has to mend its MX records.");
}
