import type { Answer as ResourceRecord, DecodedPacket } from "dns-packet";
import { AUTHENTIC_DATA, DNSSEC_OK, RECURSION_DESIRED, decode, encode } from "dns-packet";
import { UDP_SIZE } from "./exchange.ts";
import type { Answer, RecordType } from "./resolver.ts";

/** How to ask. */
export interface QueryOptions {
  /** With EDNS(0): long answers by UDP, and DNSSEC (RFC 6891). */
  readonly edns: boolean;
  /** Asks for the proof, too, and whether the resolver has checked it (RFC 4035 §3.2.1, RFC 6840 §5.7). */
  readonly dnssec: boolean;
}

export function queryOf(id: number, name: string, type: RecordType, { edns, dnssec }: QueryOptions): Buffer {
  const opt = { type: "OPT", name: ".", udpPayloadSize: UDP_SIZE, extendedRcode: 0, ednsVersion: 0, flags: dnssec ? DNSSEC_OK : 0, flag_do: dnssec, options: [] } as const;
  return encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED | (dnssec ? AUTHENTIC_DATA : 0),
    questions: [{ type, name, class: "IN" }],
    ...(edns && { additionals: [{ ...opt, options: [...opt.options] }] }),
  });
}

/** A response to this query, or undefined for anything else. Throws for what is no message. */
export function responseTo(id: number, name: string, type: RecordType, bytes: Buffer): DecodedPacket | undefined {
  const packet = decode(bytes);
  const [question, second] = packet.questions ?? [];
  const asked = question !== undefined && second === undefined && question.type === type && plainName(question.name) === name;
  // A server that does not read EDNS may leave out the question (RFC 6891 §7).
  const refused = question === undefined && rcodeOf(packet) === FORMERR;
  return packet.flag_qr && packet.id === id && (asked || refused) ? packet : undefined;
}

/** Response codes (RFC 1035 §4.1.1). */
export const NOERROR = 0;
export const FORMERR = 1;
export const NXDOMAIN = 3;

export function rcodeOf({ flags = 0 }: DecodedPacket): number {
  return flags & 0xf;
}

const RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/** The name of a response code (RFC 1035 §4.1.1). */
export function rcodeName(packet: DecodedPacket): string {
  return RCODES[rcodeOf(packet)] ?? `RCODE${rcodeOf(packet)}`;
}

/** What a response says. `partial`: its aliases lead to a name of which it says nothing, which is to be asked next. */
export interface Reading extends Answer {
  readonly partial: boolean;
}

/** Longest way over aliases (CNAME) that is followed. */
export const MAX_ALIASES = 8;

/**
 * Reads a response that has no error, or says NXDOMAIN. Throws where aliases go in a circle, and for a referral: a server that does not
 * recurse knows others who may have records, which is not to say that there are none (RFC 2308 §2.2).
 */
export function readResponse(packet: DecodedPacket, asked: string, type: RecordType): Reading {
  const answers = packet.answers ?? [];
  let name = asked;
  let ttl = Infinity;
  for (let hops = 0; type !== "CNAME"; hops += 1) {
    const alias = answers.find((each) => each.type === "CNAME" && plainName(each.name) === name);
    if (alias === undefined || !("data" in alias) || typeof alias.data !== "string") break;
    if (hops === MAX_ALIASES) throw new Error(`${asked} is an alias (CNAME) of too many names, or of itself`);
    ttl = Math.min(ttl, ttlOf(alias));
    name = plainName(alias.data);
  }
  const own = answers.filter((each) => each.type === type && plainName(each.name) === name);
  const records = own.flatMap((each) => presentationOf(each) ?? []);
  const soa = packet.authorities?.find((each) => each.type === "SOA");
  const state = records.length > 0 ? "found" : rcodeOf(packet) === NXDOMAIN ? "nxdomain" : "nodata";
  const refers = soa === undefined && packet.authorities?.some((each) => each.type === "NS") === true;
  if (state === "nodata" && name === asked && refers) throw new Error("it only refers to other name servers, so it is no resolver");
  // How long nothing stays nothing, its authority says (RFC 2308 §5).
  const negative = soa?.type === "SOA" ? Math.min(ttlOf(soa), soa.data.minimum ?? 0) : 0;
  return {
    state,
    records,
    name,
    secure: packet.flag_ad,
    ttl: Math.min(ttl, state === "found" ? Math.min(...own.map(ttlOf)) : negative),
    partial: state === "nodata" && name !== asked && soa === undefined,
  };
}

function ttlOf(record: ResourceRecord): number {
  return "ttl" in record ? (record.ttl ?? 0) : 0;
}

/** Undefined for a record whose data are not what its type says. */
function presentationOf(record: ResourceRecord): string | undefined {
  if (record.type === "A" || record.type === "AAAA") return record.data;
  if (record.type === "CNAME") return plainName(record.data);
  if (record.type === "MX") return `${record.data.preference ?? 0} ${plainName(record.data.exchange) || "."}`;
  if (record.type === "TXT") return [record.data].flat().map((part) => Buffer.from(part).toString("utf8")).join("");
  if (record.type !== "TLSA") return undefined;
  const { usage, selector, matchingType, certificate } = record.data;
  return `${usage} ${selector} ${matchingType} ${certificate.toString("hex")}`;
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
