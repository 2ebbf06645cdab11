import type { Answer, RecordType } from "dns-packet";
import { AUTHENTIC_DATA, RECURSION_AVAILABLE, TRUNCATED_RESPONSE, decode, encode } from "dns-packet";
import { createSocket } from "node:dgram";
import type { Socket } from "node:net";
import { createServer } from "node:net";

/** What is said of a name and type: records as in a zone file, or how it goes wrong. */
export type Entry =
  | readonly string[]
  | "SERVFAIL"
  | "REFUSED"
  | "FORMERR"
  | "drop"
  | { readonly records: readonly string[]; readonly ttl?: number; readonly insecure?: boolean };

/** By `MX example.net`. A name without any entry does not exist. */
export type Zone = Record<string, Entry>;

export interface DnsServer extends AsyncDisposable {
  /** As dnsResolver() takes it. */
  readonly address: string;
  readonly zone: Zone;
  /** As `udp MX example.net`, in order. */
  readonly queries: readonly string[];
}

export interface DnsServerOptions {
  /** Sets the AD bit. @default false */
  readonly secure?: boolean;
  /** Answers by UDP longer than this are cut off. @default 1232 */
  readonly udp?: number;
  /** Knows nothing of EDNS. @default false */
  readonly old?: boolean;
  /** Follows aliases. @default true */
  readonly recursive?: boolean;
  /** Answers wrongly first: with another id, to another question, with no message at all. @default false */
  readonly noisy?: boolean;
  /** Names other servers where it has nothing, as one that does not recurse. @default false */
  readonly refers?: boolean;
}

const RCODES: Readonly<Record<string, number>> = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

/** A resolver on 127.0.0.1, by UDP and TCP on one port, that says what its zone says. */
export async function dnsServer(zone: Zone = {}, options: DnsServerOptions = {}): Promise<DnsServer> {
  const queries: string[] = [];
  const tcp = createServer();
  const sockets = new Set<Socket>();
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const address = tcp.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const udp = createSocket("udp4");
  await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));

  udp.on("message", (query, from) => {
    const response = responseTo(query, "udp", zone, options, queries);
    if (response === undefined) return;
    if (options.noisy === true) {
      const wrongId = Buffer.from(response);
      wrongId.writeUInt16BE((wrongId.readUInt16BE(0) + 1) % 65_536);
      for (const noise of [Buffer.from("noise"), wrongId, encode({ type: "response", id: response.readUInt16BE(0), questions: [{ type: "A", name: "other.example" }] })]) {
        udp.send(noise, from.port, from.address);
      }
    }
    udp.send(response, from.port, from.address);
  });
  tcp.on("connection", (socket) => {
    sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on("error", () => undefined).on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < 2 || bytes.length < bytes.readUInt16BE(0) + 2) return;
      const response = responseTo(bytes.subarray(2), "tcp", zone, options, queries);
      if (response === undefined) return;
      const prefix = Buffer.alloc(2);
      prefix.writeUInt16BE(response.length);
      // In pieces, as a network may bring it.
      const all = Buffer.concat([prefix, response]);
      socket.write(all.subarray(0, 1), () => socket.write(all.subarray(1)));
    });
  });
  return {
    address: `127.0.0.1:${port}`,
    zone,
    queries,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([new Promise<void>((done) => udp.close(() => done())), new Promise<void>((done) => tcp.close(() => done()))]);
    },
  };
}

function responseTo(bytes: Buffer, way: "udp" | "tcp", zone: Zone, options: DnsServerOptions, queries: string[]): Buffer | undefined {
  const query = decode(bytes);
  const [question] = query.questions ?? [];
  if (question === undefined) return undefined;
  const edns = query.additionals?.some(({ type }) => type === "OPT") === true;
  queries.push(`${way} ${question.type} ${question.name}`);
  const { entry, aliases, exists } = find(zone, question.name, question.type, options.recursive !== false);
  if (entry === "drop") return undefined;
  const failure = options.old === true && edns ? "FORMERR" : typeof entry === "string" ? entry : undefined;
  const found = typeof entry === "object" && "records" in entry ? entry : { records: typeof entry === "object" ? entry : [], insecure: false };
  const ttl = "ttl" in found ? (found.ttl ?? 300) : 300;
  const owner = aliases.at(-1)?.to ?? question.name;
  const answers: Answer[] = [
    ...aliases.map(({ from, to }): Answer => ({ type: "CNAME", name: from, ttl: 300, data: to })),
    ...found.records.map((record) => answerOf(owner, question.type, record, ttl)),
  ];
  const rcode = failure === undefined ? (exists ? 0 : 3) : (RCODES[failure] ?? 2);
  const asksForIt = edns || (query.flags ?? 0) & AUTHENTIC_DATA;
  const ad = options.secure === true && found.insecure !== true && failure === undefined && asksForIt ? AUTHENTIC_DATA : 0;
  const negative = failure === undefined && answers.length === aliases.length && (options.recursive !== false || aliases.length === 0);
  const response = {
    type: "response" as const,
    id: query.id ?? 0,
    questions: [question],
    answers: failure === undefined ? answers : [],
    authorities: negative ? [options.refers === true ? { type: "NS" as const, name: "net", ttl: 300, data: "ns.net" } : soa()] : [],
  };
  const flags = RECURSION_AVAILABLE | ad | rcode;
  const whole = encode({ ...response, flags });
  if (way === "tcp" || whole.length <= (options.udp ?? 1232)) return whole;
  return encode({ ...response, answers: [], flags: flags | TRUNCATED_RESPONSE });
}

function find(zone: Zone, asked: string, type: string, recursive: boolean): { entry: Entry | undefined; aliases: { from: string; to: string }[]; exists: boolean } {
  const aliases: { from: string; to: string }[] = [];
  let name = asked.toLowerCase();
  for (let hops = 0; hops < 20 && type !== "CNAME" && zone[`${type} ${name}`] === undefined; hops += 1) {
    const alias = zone[`CNAME ${name}`];
    const [to] = Array.isArray(alias) ? alias : [];
    if (typeof to !== "string" || (!recursive && aliases.length > 0)) break;
    aliases.push({ from: name, to });
    name = to;
    if (!recursive) break;
  }
  const exists = Object.keys(zone).some((key) => key.endsWith(` ${name}`) || key.endsWith(`.${name}`)) || (!recursive && aliases.length > 0);
  return { entry: recursive || aliases.length === 0 ? zone[`${type} ${name}`] : undefined, aliases, exists };
}

function answerOf(name: string, type: RecordType, record: string, ttl: number): Answer {
  const fields = record.split(" ");
  if (type === "A" || type === "AAAA" || type === "CNAME") return { type, name, ttl, data: record };
  if (type === "MX") return { type, name, ttl, data: { preference: Number(fields[0]), exchange: fields[1] ?? "." } };
  if (type === "TXT") return { type, name, ttl, data: record.match(/[^]{1,255}/g) ?? [] };
  if (type !== "TLSA") throw new Error(`no record of type ${type} is known here`);
  const [usage = 0, selector = 0, matchingType = 0] = fields.slice(0, 3).map(Number);
  return { type, name, ttl, data: { usage, selector, matchingType, certificate: Buffer.from(fields[3] ?? "", "hex") } };
}

function soa(): Answer {
  return { type: "SOA", name: "example", ttl: 600, data: { mname: "ns.example", rname: "root.example", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 } };
}
