import type { Mail, Receipt, SendOptions } from "@postroad/core";
import type { SessionReport, SmtpOptions, SmtpTransport } from "@postroad/smtp";
import { smtp } from "@postroad/smtp";
import { isIP } from "node:net";
import type { Security } from "./security.ts";

/** One address of a host, and how to talk to it. */
export interface Target {
  /** Its name; the address itself where mail is addressed to one. */
  readonly host: string;
  readonly address: string;
  readonly security: Security;
}

/** Bounds of what is kept of all hosts together. */
export interface PoolsOptions {
  /** Hosts with connections of their own; the one used longest ago is let go of first. @default 200 */
  readonly hosts?: number;
  /** Milliseconds after which a host that nobody sends to is let go of. @default 60_000 */
  readonly idle?: number;
}

/** Connections by host and security: whatever the domain, mail for one host shares them. */
export interface Pools {
  send(target: Target, mail: Mail, options: SendOptions, domains: readonly string[]): Promise<Used>;
  stats(): PoolsStats;
  /** Ends when what is under way has. */
  close(): Promise<void>;
}

export interface PoolsStats {
  /** Hosts that are known just now. */
  readonly hosts: number;
  /** Mails in line for a connection. */
  readonly waiting: number;
  /** Mails on their way. */
  readonly sending: number;
  readonly connections: number;
}

/** What came of a send. */
export interface Used {
  readonly receipt: Receipt;
  /** The newest attempt at a session, for each of the domains that had not seen it yet. */
  readonly sessions: readonly { readonly domain: string; readonly report: SessionReport }[];
}

interface Pool {
  readonly transport: SmtpTransport;
  users: number;
  timer: NodeJS.Timeout | undefined;
  /** Attempts at sessions so far, and the last of them. */
  count: number;
  last: SessionReport | undefined;
  /** How many of them were known when a domain was told last. */
  readonly told: Map<string, number>;
}

/** Domains of which a pool remembers what they were told. */
const MOST_DOMAINS = 1_000;

export function makePools(options: Required<PoolsOptions>, common: (target: Target) => SmtpOptions): Pools {
  const pools = new Map<string, Pool>();
  const closing = new Set<Promise<void>>();

  /** The pool of a target; the one asked for last stands last. */
  function poolOf(target: Target): readonly [string, Pool] {
    const key = `${target.security.key} ${target.host} ${target.address}`;
    const pool = pools.get(key) ?? open(target);
    pools.delete(key);
    pools.set(key, pool);
    const [oldest] = pools.keys();
    if (pools.size > options.hosts && oldest !== undefined) letGo(oldest);
    return [key, pool];
  }

  function open(target: Target): Pool {
    const pool: Pool = {
      transport: smtp({ ...common(target), onSession: note }),
      users: 0,
      timer: undefined,
      count: 0,
      last: undefined,
      told: new Map(),
    };
    function note(report: SessionReport): void {
      pool.count += 1;
      pool.last = report;
    }
    return pool;
  }

  /** What is under way ends as it would have; disposing waits for it. */
  function letGo(key: string): void {
    const pool = pools.get(key);
    if (pool === undefined) return;
    pools.delete(key);
    clearTimeout(pool.timer);
    const closed = Promise.resolve(pool.transport[Symbol.asyncDispose]()).finally(() => closing.delete(closed));
    closing.add(closed);
  }

  function rest(key: string, pool: Pool): void {
    pool.users -= 1;
    if (pool.users > 0 || pools.get(key) !== pool) return;
    pool.timer = setTimeout(() => letGo(key), options.idle).unref();
  }

  async function send(target: Target, mail: Mail, sending: SendOptions, domains: readonly string[]): Promise<Used> {
    const [key, pool] = poolOf(target);
    clearTimeout(pool.timer);
    pool.users += 1;
    try {
      const receipt = await pool.transport.send(mail, sending);
      return { receipt, sessions: domains.flatMap((domain) => news(pool, domain) ?? []) };
    } finally {
      rest(key, pool);
    }
  }

  return {
    send,
    stats() {
      const all = [...pools.values()].map(({ transport }) => transport.stats());
      const sum = (of: (each: (typeof all)[number]) => number): number => all.reduce((total, each) => total + of(each), 0);
      return { hosts: pools.size, waiting: sum(({ waiting }) => waiting), sending: sum(({ sending }) => sending), connections: sum(({ connections }) => connections) };
    },
    async close() {
      for (const key of pools.keys()) letGo(key);
      await Promise.all(closing);
    },
  };
}

/** A session serves many mails, and a domain hears of each but once. */
function news(pool: Pool, domain: string): Used["sessions"][number] | undefined {
  const { count, last, told } = pool;
  if (last === undefined || (told.get(domain) ?? 0) >= count) return undefined;
  if (told.size >= MOST_DOMAINS) told.clear();
  told.set(domain, count);
  return { domain, report: last };
}

/** What TLS is asked for by name; an address has none (RFC 6066 §3). */
export function servernameOf({ host, security }: Target): string | undefined {
  return isIP(host) > 0 ? undefined : (security.servername ?? host);
}
