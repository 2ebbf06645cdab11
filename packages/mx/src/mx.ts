import type { Deferred, ForAll, Mail, Receipt, SendOptions, Transport } from "@postroad/core";
import { mailboxKey, narrow, receipt, transport, verdictOf } from "@postroad/core";
import { byTlsRequired } from "@postroad/routing";
import type { SmtpOptions } from "@postroad/smtp";
import { smtp } from "@postroad/smtp";
import { hostname, networkInterfaces } from "node:os";
import { isIP } from "node:net";
import { addressFilter, blockList, includes } from "./addresses.ts";
import type { Context, Demands } from "./context.ts";
import { deliver } from "./deliver.ts";
import { withoutRoute } from "./destination.ts";
import { cached } from "./dns/cache.ts";
import { dnsResolver } from "./dns/dns-resolver.ts";
import { ask } from "./dns/resolver.ts";
import { notify } from "./notify.ts";
import type { MxOptions } from "./options.ts";
import { checkMxOptions } from "./options.ts";
import { plansFor } from "./plan.ts";
import { stsPolicies } from "./policy/sts.ts";
import type { PoolsStats, Target } from "./pools.ts";
import { makePools, servernameOf } from "./pools.ts";
import { mapped } from "./wait.ts";
import { webClient } from "./web.ts";

/** A transport that finds the mail exchangers itself. */
export interface MxTransport extends Transport {
  /** What it is doing now. */
  stats(): PoolsStats;
}

const NAME = "mx";

/**
 * Delivers to the mail exchangers of each recipient's domain (RFC 5321 §5): MX records in order, hosts of one preference
 * at random, IPv6 and IPv4, one transaction for all recipients of the same hosts. TLS as DANE (RFC 7672) and MTA-STS
 * (RFC 8461) demand it, else where it is offered.
 *
 * A recipient is `rejected` when the domain does not exist, takes no mail, or its server refuses for good; what may be
 * different later is `deferred`. Nobody who is `uncertain` is sent to by another host. It keeps nothing: put a queue
 * before it.
 *
 * Throws a ConfigError for wrong options.
 */
export function mx(options: MxOptions = {}): MxTransport {
  checkMxOptions(options);
  const context = contextOf(options);
  const base = transport(NAME, (mail, sending) => send(mail, context, sending), {
    async check(sending) {
      await ask(context.resolver, "localhost", "A", sending);
    },
    dispose: () => context.pools.close(),
  });
  return { ...base, stats: () => context.pools.stats() };
}

function contextOf(options: MxOptions): Context {
  const { port = 25, addresses = "ipv6-first", allow = [], maxHosts = 20, maxAddresses = 5, concurrency = 10, dane = true } = options;
  const { mtaSts = true, random = Math.random, clock = Date.now, tlsReports } = options;
  const resolver = cached(options.resolver ?? dnsResolver(), options.cache ?? {}, clock);
  const common = smtpOptions(options, port);
  const mayGoTo = addressFilter(allow);
  const web = webClient({ resolver, order: addresses, mayGoTo });
  // Whatever smtp() finds wrong is found here, and not with the first mail.
  void smtp({ ...common, host: "localhost", security: "opportunistic" });
  const noPolicy = Promise.resolve({ policy: undefined, failure: undefined });
  return {
    by: NAME,
    port,
    resolver,
    findPolicy: mtaSts === false ? () => noPolicy : stsPolicies(resolver, mtaSts === true ? {} : mtaSts, web, clock),
    dane,
    order: addresses,
    mayGoTo,
    ...selfOf(options),
    maxHosts,
    maxAddresses,
    concurrency,
    pools: makePools({ hosts: 200, idle: 60_000, ...options.pools }, (target) => optionsFor(target, common, options)),
    random,
    clock,
    observe: (observation) => notify("tlsReports of mx", (each) => tlsReports?.record(each), observation),
  };
}

function smtpOptions({ name, pool, timeouts, deadline, clock, tls }: MxOptions, port: number): Omit<SmtpOptions, "host" | "security"> {
  return {
    port,
    ...(name !== undefined && { name }),
    ...(pool !== undefined && { pool }),
    ...(timeouts !== undefined && { timeouts }),
    ...(deadline !== undefined && { deadline }),
    ...(clock !== undefined && { clock }),
    ...(tls !== undefined && { tls }),
  };
}

function optionsFor(target: Target, common: Omit<SmtpOptions, "host" | "security">, { localAddress = [] }: MxOptions): SmtpOptions {
  const { address, security } = target;
  const servername = servernameOf(target);
  const from = [localAddress].flat().find((each) => isIP(each) === isIP(address));
  return {
    ...common,
    ...security.options,
    host: address,
    ...(from !== undefined && { localAddress: from }),
    ...(servername !== undefined && { tls: { ...common.tls, servername } }),
  };
}

function selfOf({ name = hostname(), self = [] }: MxOptions): Pick<Context, "self" | "isSelf"> {
  const interfaces = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const addresses = interfaces.flatMap(({ internal, address }) => (internal ? [] : address));
  const own = blockList([...addresses, ...self.filter((each) => isIP(each) > 0)]);
  return { self: new Set([name, ...self].map((each) => each.toLowerCase())), isSelf: (address) => includes(own, address) };
}

/** What one part of a mail was about when it broke does not concern the others, who may have been delivered. */
function bug(error: unknown): ForAll<Deferred> {
  const message = `bug in ${NAME}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
  return { kind: "deferred", status: "4.3.0", by: NAME, message, uncertain: true, diagnosis: { cause: error } };
}

async function send(mail: Mail, context: Context, options: SendOptions): Promise<Receipt> {
  const demands = await demandsOf(mail, options);
  const { plans, refused } = await plansFor(mail.envelope.to, context, demands.relaxed, options);
  const parts = await mapped(plans, context.concurrency, async (plan) => {
    const to = plan.recipients.map((recipient) => ({ ...recipient, address: withoutRoute(recipient.address) }));
    const part = narrow(mail, [...new Map(to.map((each) => [mailboxKey(each.address), each])).values()]);
    return deliver(part, plan, demands, context, options).catch((error: unknown) => receipt(part, bug(error)));
  });
  const outcomes = new Map(parts.flatMap((part) => part.outcomes.map((outcome) => [mailboxKey(outcome.recipient), outcome])));
  const refusals = new Map(refused.flatMap(({ recipients, reason }) => recipients.map((each) => [each, verdictOf(reason, context.by)])));
  return receipt(mail, (to) => {
    const outcome = refusals.get(to) ?? outcomes.get(mailboxKey(withoutRoute(to.address)));
    if (outcome === undefined) throw new Error(`nothing became of ${to.address}`);
    return outcome;
  });
}

async function demandsOf(mail: Mail, options: SendOptions): Promise<Demands> {
  const requireTls = mail.envelope.requireTls === true;
  const [first] = mail.envelope.to;
  try {
    return { requireTls, relaxed: first !== undefined && (await byTlsRequired(mail, first, options)) === "no" };
  } catch {
    // A content that cannot be read gets its verdict where it is to be sent.
    return { requireTls, relaxed: false };
  }
}
