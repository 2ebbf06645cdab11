import { mkdir, readFile } from "node:fs/promises";
import type { QueueEvent } from "postroad";
import { backoff, byDomain, compose, dkim, drain, queue, route } from "postroad";
import { accounts, maildir, resolveRecipient } from "@postroad/mailbox";
import { dnsResolver, mx } from "@postroad/mx";
import { sqliteStore } from "@postroad/queue-sqlite";
import type { ServerEvent } from "@postroad/server";
import { createServer, passwordFile } from "@postroad/server";
import type { Config } from "./config.ts";

export interface MailServer extends AsyncDisposable {
  /** The ports it listens on. */
  readonly ports: { readonly submission: number; readonly submissions: number; readonly mx: number };
}

/** Submission, durable queue, delivery to other servers and to local mailboxes, in one process. */
export async function mailServer(config: Config, log: (event: QueueEvent | ServerEvent) => void): Promise<MailServer> {
  const { hostname, listen } = config;
  const domains = [...new Set(addressesOf(config).map(domainOf))];
  const lookup = accounts({ mailboxes: config.mailboxes, aliases: { ...postmasters(config, domains), ...config.aliases } });
  const tls = { key: await readFile(config.tls.key), cert: await readFile(config.tls.cert) };
  const keys = await Promise.all(config.dkim.map(async (each) => ({ ...each, key: await readFile(each.key, "utf8") })));
  await mkdir(config.maildirs, { recursive: true });

  // Disposed from the last to the first: no more mail comes in, what is under way is finished, the store is closed.
  await using stack = new AsyncDisposableStack();
  const store = stack.use(sqliteStore(config.database));
  const kept = queue(store, { onEvent: log });
  // What our users send is signed before it is kept: every attempt carries the same bytes.
  const signed = compose(dkim(keys, { choose: "from", otherwise: "unsigned" }), queue(store, { onEvent: log }));

  const local = maildir(config.maildirs, { lookup, ...(config.owner !== undefined && { owner: config.owner }) });
  const { servers, ...remote } = config.mx ?? {};
  const everywhereElse = mx({ ...remote, name: hostname, ...(servers !== undefined && { resolver: dnsResolver({ servers }) }) });
  const to = route(byDomain, { ...Object.fromEntries([hostname, ...domains].map((domain) => [domain, local])), "*": everywhereElse });
  const ttl = config.ttl === undefined ? {} : { ttl: config.ttl };
  stack.use(drain(store, to, { ...ttl, bounce: queue(store), reportingMta: hostname, schedule: backoff(config.retry), onEvent: log }));

  /** Throws 5.1.1 where an address would be local and nobody has it. */
  async function isLocal(address: string): Promise<boolean> {
    const domain = domainOf(address);
    if (domain !== hostname && !domains.includes(domain)) return false;
    await resolveRecipient(lookup, address);
    return true;
  }
  async function isSomebody({ address }: { readonly address: string }): Promise<boolean> {
    await isLocal(address);
    return true;
  }

  const common = { hostname, tls, onEvent: log };
  const authenticate = passwordFile(config.passwords);
  const submission = stack.use(createServer({ ...common, to: signed, authenticate, recipient: isSomebody }));
  const inbound = stack.use(createServer({ ...common, mode: "mx", to: kept, recipient: ({ address }) => isLocal(address) }));
  const host = listen.host === undefined ? {} : { host: listen.host };
  await submission.listen({ ...host, port: listen.submission }, { ...host, port: listen.submissions, implicitTls: true });
  await inbound.listen({ ...host, port: listen.mx });

  const owned = stack.move();
  const [submissionPort = 0, submissionsPort = 0] = submission.ports;
  return {
    ports: { submission: submissionPort, submissions: submissionsPort, mx: inbound.port },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** RFC 5321 §4.5.1: postmaster exists wherever mail is taken. */
function postmasters({ hostname, postmaster }: Config, domains: readonly string[]): Readonly<Record<string, string>> {
  const addresses = [hostname, ...domains].map((domain) => `postmaster@${domain}`);
  return Object.fromEntries(addresses.filter((address) => address !== postmaster.toLowerCase()).map((address) => [address, postmaster]));
}

export function addressesOf({ mailboxes }: Pick<Config, "mailboxes">): readonly string[] {
  return Array.isArray(mailboxes) ? mailboxes : Object.keys(mailboxes);
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase();
}
