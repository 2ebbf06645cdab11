import type { Content, Envelope, Mail, Outcome, Receipt, Recipient } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import type { ModelPeer, ModelPeerOptions } from "@postroad/testing/peer";
import { modelPeer } from "@postroad/testing/peer";
import type { Answer, MxOptions, MxTransport, RecordType, Resolver } from "../src/index.ts";
import { dnsResolver, mx } from "../src/index.ts";
import type { DnsServer, DnsServerOptions, Zone } from "./dns-server.ts";
import { dnsServer } from "./dns-server.ts";

let count = 0;

export interface MailParts {
  readonly from?: string;
  readonly to?: readonly (string | Recipient)[];
  readonly content?: string | Content;
  readonly rest?: Omit<Envelope, "from" | "to">;
}

export function mail({ from = "ann@sender.example", to = ["bob@example.net"], content = "Subject: hi\r\n\r\nhello\r\n", rest = {} }: MailParts = {}): Mail {
  count += 1;
  return { id: `mail-${count}`, envelope: envelope(from, to, rest), content: typeof content === "string" ? contentOf(Buffer.from(content)) : content, meta: {} };
}

export function kinds({ outcomes }: Receipt): readonly string[] {
  return outcomes.map(({ kind }) => kind);
}

export function first({ outcomes }: Receipt): Outcome {
  const [outcome] = outcomes;
  if (outcome === undefined) throw new Error("no outcome");
  return outcome;
}

/** Options under which tests reach hosts on this machine, and nothing else. */
export function local(dns: { readonly address: string }, port: number, options: MxOptions = {}): MxOptions {
  return {
    name: "client.example",
    port,
    resolver: dnsResolver({ servers: [dns.address], timeout: 20_000 }),
    addresses: "ipv4-only",
    allow: ["127.0.0.0/8"],
    mtaSts: false,
    random: () => 0,
    ...options,
  };
}

/** Several peers on 127.0.0.x, all on one port, as mail exchangers are. */
export interface Farm extends AsyncDisposable {
  readonly port: number;
  readonly peers: readonly ModelPeer[];
  /** 127.0.0.x of the peer at this index. */
  host(index: number): string;
}

let network = 1;

export async function farm(...each: readonly ModelPeerOptions[]): Promise<Farm> {
  // A network for each farm of a test process, so that one port serves all its hosts.
  network = (network % 250) + 1;
  const host = (index: number): string => `127.${process.pid % 200}.${network}.${index + 1}`;
  const peers: ModelPeer[] = [];
  let port = 0;
  for (const [index, options] of each.entries()) {
    const peer = await modelPeer({ ...options, host: host(index), port });
    peers.push(peer);
    port = peer.port;
  }
  return {
    port,
    peers,
    host,
    async [Symbol.asyncDispose]() {
      for (const peer of peers) await peer[Symbol.asyncDispose]();
    },
  };
}

/** A transport, the DNS it asks and the hosts it finds there, all ended together. */
export interface World extends AsyncDisposable {
  readonly dns: DnsServer;
  readonly hosts: Farm;
  readonly transport: MxTransport;
}

export async function world(
  peers: readonly ModelPeerOptions[],
  zone: (hosts: Farm) => Zone,
  options: MxOptions = {},
  dnsOptions: DnsServerOptions = {},
): Promise<World> {
  const hosts = await farm(...peers);
  const dns = await dnsServer(zone(hosts), dnsOptions);
  const transport = mx(local(dns, hosts.port, options));
  return {
    dns,
    hosts,
    transport,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      await dns[Symbol.asyncDispose]();
      await hosts[Symbol.asyncDispose]();
    },
  };
}

/** A resolver from a table, for what needs no wire. */
export function table(entries: Readonly<Record<string, readonly string[] | Partial<Answer> | Error>>): Resolver & { readonly asked: readonly string[] } {
  const asked: string[] = [];
  return {
    asked,
    resolve(name: string, type: RecordType) {
      asked.push(`${type} ${name}`);
      const entry = entries[`${type} ${name}`];
      if (entry instanceof Error) return Promise.reject(entry);
      const exists = Object.keys(entries).some((key) => key.endsWith(` ${name}`));
      const given: Partial<Answer> = entry === undefined ? {} : "length" in entry ? { records: [...entry] } : entry;
      const records = given.records ?? [];
      const state = records.length > 0 ? "found" : exists ? "nodata" : "nxdomain";
      return Promise.resolve({ state, records, name, secure: false, ttl: 300, ...given });
    },
  };
}
