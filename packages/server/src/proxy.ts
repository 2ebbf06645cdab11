import { BlockList, isIP, isIPv4 } from "node:net";
import { ConfigError } from "@postroad/core";
import type { Wire } from "./wire.ts";

/** Where a connection really comes from, as the proxy in front says. */
export interface Origin {
  readonly address: string;
  readonly port: number;
}

/** Who is trusted to say where a connection comes from. Throws a ConfigError for what is no address or network. */
export function trustedProxies(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address);
    const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix);
    if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) {
      throw new ConfigError("createServer", [{ path: "proxies", message: `"${network}" is no address or network such as 10.0.0.0/8` }]);
    }
    list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

/** Version 1 is one line of at most 107 octets; what version 2 may add behind the addresses is bounded by us. */
const MAX_V1 = 107;
const MAX_V2 = 16 + 2048;
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/**
 * Reads the header that a proxy puts in front of a connection (PROXY protocol, versions 1 and 2). Undefined where the
 * proxy speaks for itself, e.g. to see whether we are there. Rejects where there is no header, or none in time.
 */
export async function readProxyHeader(wire: Wire, timeout: number): Promise<Origin | undefined> {
  const until = performance.now() + timeout;
  let bytes = Buffer.alloc(0);
  for (;;) {
    const chunk = await wire.next((input) => input.take(), until - performance.now());
    if ("silence" in chunk) throw new Error("no PROXY header came in time");
    bytes = Buffer.concat([bytes, chunk]);
    const size = headerSize(bytes);
    if (size !== undefined) {
      wire.input.unshift(bytes.subarray(size));
      return originOf(bytes.subarray(0, size));
    }
  }
}

/** Octets of the header, once that much is known. */
function headerSize(bytes: Buffer): number | undefined {
  const beginsV2 = bytes.subarray(0, SIGNATURE.byteLength).equals(SIGNATURE.subarray(0, bytes.byteLength));
  if (beginsV2) return bytes.byteLength < 16 ? undefined : sizeV2(bytes);
  const end = bytes.indexOf("\r\n");
  if (end !== -1 && end + 2 <= MAX_V1) return end + 2;
  if (end !== -1 || bytes.byteLength >= MAX_V1 || !"PROXY ".startsWith(bytes.toString("latin1", 0, Math.min(6, bytes.byteLength)))) throw noHeader();
  return undefined;
}

function sizeV2(bytes: Buffer): number | undefined {
  const size = 16 + bytes.readUInt16BE(14);
  if (size > MAX_V2) throw noHeader();
  return bytes.byteLength < size ? undefined : size;
}

function originOf(header: Buffer): Origin | undefined {
  return header[0] === SIGNATURE[0] ? originV2(header) : originV1(header.toString("latin1"));
}

function originV1(line: string): Origin | undefined {
  if (/^PROXY UNKNOWN(?: [^\r]*)?\r\n$/.test(line)) return undefined;
  const [, family, address = "", port] = /^PROXY TCP([46]) ([0-9a-fA-F.:]+) [0-9a-fA-F.:]+ (\d{1,5}) \d{1,5}\r\n$/.exec(line) ?? [];
  if (family === undefined || isIP(address) !== Number(family) || Number(port) > 65_535) throw noHeader();
  return { address, port: Number(port) };
}

/** Version and command, then family and transport, then the addresses. */
function originV2(header: Buffer): Origin | undefined {
  const [command, family] = [header[12], header[13]];
  if (command === 0x20) return undefined;
  if (command !== 0x21) throw noHeader();
  if (family === 0x11 && header.byteLength >= 28) return { address: header.subarray(16, 20).join("."), port: header.readUInt16BE(24) };
  if (family === 0x21 && header.byteLength >= 52) return { address: ipv6(header.subarray(16, 32)), port: header.readUInt16BE(48) };
  return undefined;
}

function ipv6(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => octets.readUInt16BE(at * 2).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

function noHeader(): Error {
  return new Error("no PROXY header where one has to be");
}
