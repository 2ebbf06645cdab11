import { ConfigError, Refusal } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cached } from "../src/dns/cache.ts";
import { readResponse, responseTo } from "../src/dns/message.ts";
import type { DnsResolverOptions, Resolver } from "../src/index.ts";
import { dnsResolver } from "../src/index.ts";
import type { DnsServer } from "./dns-server.ts";
import { dnsServer } from "./dns-server.ts";
import { table } from "./support.ts";

function to(server: DnsServer, options: DnsResolverOptions = {}): Resolver {
  return dnsResolver({ servers: [server.address], timeout: 20_000, ...options });
}

async function refusalOf(work: Promise<unknown>): Promise<Refusal> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Refusal) return error;
  throw new Error("no Refusal", { cause: error });
}

describe("dnsResolver", () => {
  it.each([
    ["MX", "example.net", ["10 mx1.example.net", "20 mx2.example.net"]],
    ["A", "mx1.example.net", ["192.0.2.1", "192.0.2.2"]],
    ["AAAA", "mx1.example.net", ["2001:db8::1"]],
    ["TXT", "example.net", [`v=x; ${"long ".repeat(100)}`]],
    ["TLSA", "_25._tcp.mx1.example.net", [`3 1 1 ${"ab".repeat(32)}`]],
    ["CNAME", "www.example.net", ["example.net"]],
  ] as const)("gives %s records in presentation form", async (type, name, records) => {
    await using server = await dnsServer({ [`${type} ${name}`]: records });
    expect(await to(server).resolve(name, type, {})).toEqual({ state: "found", records, name, secure: false, ttl: 300 });
    expect(server.queries).toEqual([`udp ${type} ${name}`]);
  });

  it("M8: a null MX is a dot", async () => {
    await using server = await dnsServer({ "MX example.net": ["0 ."] });
    expect((await to(server).resolve("example.net", "MX", {})).records).toEqual(["0 ."]);
  });

  it("M2: tells a name without such records from one that does not exist, and how long that holds", async () => {
    await using server = await dnsServer({ "A example.net": ["192.0.2.1"] });
    expect(await to(server).resolve("example.net", "MX", {})).toMatchObject({ state: "nodata", records: [], ttl: 60 });
    expect(await to(server).resolve("no.example.net", "MX", {})).toMatchObject({ state: "nxdomain", records: [], ttl: 60 });
  });

  it("M4: SERVFAIL, REFUSED and silence are no answer: temporary, and typed", async () => {
    await using server = await dnsServer({ "MX a.example": "SERVFAIL", "MX b.example": "REFUSED", "MX c.example": "drop" });
    for (const [name, code, timeout] of [["a.example", "SERVFAIL", 20_000], ["b.example", "REFUSED", 20_000], ["c.example", "TIMEOUT", 50]] as const) {
      const refusal = await refusalOf(to(server, { timeout, tries: 2 }).resolve(name, "MX", {}));
      expect(refusal).toMatchObject({ status: "4.4.3", options: { phase: "dns", code, advice: expect.any(String) } });
    }
    expect(server.queries).toHaveLength(6);
  });

  it("M4: nor is a server that only refers to others", async () => {
    await using server = await dnsServer({ "A example.net": ["192.0.2.1"] }, { refers: true });
    const refusal = await refusalOf(to(server, { tries: 1 }).resolve("example.net", "MX", {}));
    expect(refusal.status).toBe("4.4.3");
    expect(refusal.message).toContain("refers to other name servers");
  });

  it("M4: where nobody listens, that is no answer either", async () => {
    const server = await dnsServer();
    await server[Symbol.asyncDispose]();
    expect(await refusalOf(to(server).resolve("example.net", "MX", {}))).toMatchObject({ status: "4.4.3", options: { code: "DNS" } });
  });

  it("M4: nor is a resolver that no route leads to", async () => {
    const resolver = dnsResolver({ servers: ["[100::1]:53", "255.255.255.255:53"], timeout: 200, tries: 1 });
    expect(await refusalOf(resolver.resolve("example.net", "MX", {}))).toMatchObject({ status: "4.4.3", options: { phase: "dns" } });
  });

  it("asks the next resolver where one does not answer", async () => {
    await using broken = await dnsServer({ "MX example.net": "SERVFAIL" });
    await using server = await dnsServer({ "MX example.net": ["10 mx.example.net"] });
    const resolver = dnsResolver({ servers: [broken.address, server.address] });
    expect(await resolver.resolve("example.net", "MX", {})).toMatchObject({ state: "found" });
    expect(broken.queries).toHaveLength(1);
  });

  it("what is cut off comes by TCP, a thousand records included", async () => {
    const records = Array.from({ length: 1000 }, (_, index) => `${index} mx${index}.example.net`);
    await using server = await dnsServer({ "MX example.net": records });
    expect((await to(server).resolve("example.net", "MX", {})).records).toEqual(records);
    expect(server.queries).toEqual(["udp MX example.net", "tcp MX example.net"]);
  });

  it("asks a server that knows no EDNS without it", async () => {
    await using server = await dnsServer({ "A example.net": ["192.0.2.1"] }, { old: true });
    expect(await to(server).resolve("example.net", "A", {})).toMatchObject({ records: ["192.0.2.1"], secure: false });
    expect(server.queries).toHaveLength(2);
  });

  it("takes no answer with another id or question, nor noise", async () => {
    await using server = await dnsServer({ "A example.net": ["192.0.2.1"] }, { noisy: true });
    expect((await to(server).resolve("example.net", "A", {})).records).toEqual(["192.0.2.1"]);
  });

  it("M25: believes the AD bit on loopback, and where told to, and nowhere else", async () => {
    await using server = await dnsServer({ "A example.net": ["192.0.2.1"], "A other.example": { records: ["192.0.2.1"], insecure: true } }, { secure: true });
    expect((await to(server).resolve("example.net", "A", {})).secure).toBe(true);
    expect((await to(server).resolve("other.example", "A", {})).secure).toBe(false);
    expect((await to(server, { trustAd: false }).resolve("example.net", "A", {})).secure).toBe(false);
  });

  it("M6: follows aliases that the resolver follows, and those that it does not", async () => {
    const zone = { "CNAME a.example": ["b.example"], "CNAME b.example": ["c.example"], "A c.example": ["192.0.2.1"] };
    for (const recursive of [true, false]) {
      await using server = await dnsServer(zone, { recursive });
      expect(await to(server).resolve("a.example", "A", {})).toMatchObject({ state: "found", records: ["192.0.2.1"], name: "c.example" });
    }
  });

  it("#33: aliases in a circle are no answer", async () => {
    const zone = { "CNAME a.example": ["b.example"], "CNAME b.example": ["a.example"] };
    for (const recursive of [true, false]) {
      await using server = await dnsServer(zone, { recursive });
      expect(await refusalOf(to(server).resolve("a.example", "A", {}))).toMatchObject({ status: "4.4.3" });
    }
  });

  it("#34: an abort ends the wait", async () => {
    await using server = await dnsServer({ "A example.net": "drop" });
    const abort = new AbortController();
    const asked = to(server, { timeout: 60_000 }).resolve("example.net", "A", { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
  });

  it.each([{ servers: [] }, { servers: ["dns.example"] }, { servers: ["127.0.0.1:99999"] }, { tries: 0 }, { timeOut: 5 }])("#73: %o is refused", (options) => {
    expect(() => dnsResolver(options)).toThrow(ConfigError);
  });

  it("never throws anything but an Error for bytes that are no response", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const packet = responseTo(1, "a.example", "MX", Buffer.from(bytes));
          return packet === undefined || readResponse(packet, "a.example", "MX").records.length >= 0;
        } catch (error) {
          return error instanceof Error;
        }
      }),
    );
  });
});

describe("the cache", () => {
  function clocked(resolver: Resolver, options = {}): { resolver: Resolver; pass: (seconds: number) => void } {
    let now = 1_000_000;
    return { resolver: cached(resolver, options, () => now), pass: (seconds) => void (now += seconds * 1000) };
  }

  it("keeps an answer for its TTL, within bounds", async () => {
    const source = table({
      "MX a.example": { records: ["10 a"], ttl: 60 },
      "MX b.example": { records: ["10 b"], ttl: 0 },
      "MX c.example": { records: ["10 c"], ttl: 1e9 },
      "A d.example": ["192.0.2.1"],
      "MX d.example": { state: "nodata", ttl: 1e9 },
    });
    const { resolver, pass } = clocked(source, { shortest: 5, longest: 1000, longestNegative: 100 });
    const ask = async (): Promise<string> => {
      const before = source.asked.length;
      for (const name of ["a", "b", "c", "d"]) await resolver.resolve(`${name}.example`, "MX", {});
      return source.asked.slice(before).map((each) => each.slice(3, 4)).join("");
    };
    expect(await ask()).toBe("abcd");
    pass(4);
    expect(await ask()).toBe("");
    pass(2);
    expect(await ask()).toBe("b");
    pass(55);
    expect(await ask()).toBe("ab");
    pass(40);
    expect(await ask()).toBe("bd");
    pass(900);
    expect(await ask()).toBe("abcd");
  });

  it("asks once for many who ask at a time, and gives each of them its abort", async () => {
    await using server = await dnsServer({ "A example.net": ["192.0.2.1"], "A slow.example": "drop" });
    const { resolver } = clocked(to(server));
    const answers = await Promise.all(Array.from({ length: 50 }, () => resolver.resolve("example.net", "A", {})));
    expect(new Set(answers.map(({ state }) => state))).toEqual(new Set(["found"]));
    expect(server.queries).toHaveLength(1);
    const { resolver: impatient } = clocked(to(server, { timeout: 200, tries: 1 }));
    const abort = new AbortController();
    const [left, right] = [impatient.resolve("slow.example", "A", { signal: abort.signal }), impatient.resolve("slow.example", "A", {})];
    abort.abort();
    expect(await refusalOf(left)).toMatchObject({ status: "4.3.2" });
    expect(await refusalOf(right)).toMatchObject({ status: "4.4.3" });
  });

  it("M4: remembers a failure for seconds only", async () => {
    const source = table({ "MX a.example": new Error("down") });
    const { resolver, pass } = clocked(source);
    for (const seconds of [0, 1, 5]) {
      pass(seconds);
      await expect(resolver.resolve("a.example", "MX", {})).rejects.toThrow("down");
    }
    expect(source.asked).toHaveLength(2);
  });

  it("keeps no more than it may", async () => {
    const source = table({});
    const { resolver } = clocked(source, { entries: 2 });
    for (const name of ["a", "b", "c", "c", "b", "a"]) await resolver.resolve(name, "MX", {});
    expect(source.asked).toEqual(["MX a", "MX b", "MX c", "MX a"]);
  });
});
