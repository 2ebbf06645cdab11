import { Refusal } from "@postroad/core";
import fc from "fast-check";
import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import { addressFilter, addressesOf } from "../src/addresses.ts";
import { destinationOf, isHostName, withoutRoute } from "../src/destination.ts";
import type { Exchangers } from "../src/hosts.ts";
import { exchangersOf, parseMx, shuffled } from "../src/hosts.ts";
import { table } from "./support.ts";

function hostsOf(entries: Parameters<typeof table>[0], self: readonly string[] = [], maxHosts = 20): Promise<Exchangers> {
  return exchangersOf("example.net", table(entries), { self: new Set(self), maxHosts }, {});
}

describe("mail exchangers", () => {
  it("M1: sorted by preference, those of one preference together", async () => {
    const { groups } = await hostsOf({ "MX example.net": ["20 c.example", "10 a.example", "10 b.example", "5 z.example"] });
    expect(groups).toEqual([["z.example"], ["a.example", "b.example"], ["c.example"]]);
  });

  it("M1: every order of equals comes up as often as any other (chi-square)", () => {
    // A generator of our own (xorshift), so that the test says the same every time.
    let state = 0x9e3779b9;
    const random = (): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32;
    };
    const counts = new Map<string, number>();
    const rounds = 24_000;
    for (let round = 0; round < rounds; round += 1) {
      const order = shuffled(["a", "b", "c", "d"], random).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const expected = rounds / 24;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 23 degrees of freedom, one in a thousand.
    expect(chiSquare).toBeLessThan(49.73);
  });

  it("shuffles into a permutation, whatever random gives", () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.double({ min: 0, max: 1 }), (items, value) => {
        const up = (a: number, b: number): number => a - b;
        expect(shuffled(items, () => value).toSorted(up)).toEqual(items.toSorted(up));
      }),
    );
  });

  it("M2: without MX the domain itself is the host; a domain that does not exist is refused for good", async () => {
    expect((await hostsOf({ "A example.net": ["192.0.2.1"] })).groups).toEqual([["example.net"]]);
    await expect(hostsOf({})).rejects.toMatchObject({ status: "5.1.2", options: { phase: "dns" } });
  });

  it("M3: MX records that name no host are no reason to fall back to the domain's address", async () => {
    const refused = hostsOf({ "MX example.net": ["10 192.0.2.1", "20 bad_name!.example"], "A example.net": ["192.0.2.1"] });
    await expect(refused).rejects.toMatchObject({ status: "5.4.4" });
  });

  it("M4: no answer from DNS is temporary, whatever the resolver throws", async () => {
    await expect(hostsOf({ "MX example.net": new Error("boom") })).rejects.toMatchObject({ status: "4.4.3", options: { phase: "dns" } });
    await expect(hostsOf({ "MX example.net": new Refusal("5.1.2", "no") })).rejects.toMatchObject({ status: "4.4.3" });
  });

  it.each(["client.example", "CLIENT.example"])("M5: this host (%s) and whoever is not better are left out", async (name) => {
    const entries = { "MX example.net": ["10 a.example", `20 ${name}`, "20 b.example", "30 c.example"] };
    expect((await hostsOf(entries, ["client.example"])).groups).toEqual([["a.example"]]);
  });

  it("M5: where this host is the best, mail is in a loop", async () => {
    await expect(hostsOf({ "MX example.net": ["10 me.example", "10 b.example", "20 c.example"] }, ["me.example"])).rejects.toMatchObject({ status: "5.4.6" });
    await expect(hostsOf({ "A example.net": ["192.0.2.1"] }, ["example.net"])).rejects.toMatchObject({ status: "5.4.6" });
  });

  it("M8: a null MX takes no mail; beside others it is a mistake and ignored", async () => {
    for (const record of ["0 .", "10 ."]) await expect(hostsOf({ "MX example.net": [record] })).rejects.toMatchObject({ status: "5.1.10", message: expect.stringContaining("556") });
    expect((await hostsOf({ "MX example.net": ["0 .", "10 a.example"] })).groups).toEqual([["a.example"]]);
  });

  it("#33: of a thousand MX records the best twenty are considered", async () => {
    const records = Array.from({ length: 1000 }, (_, index) => `${1000 - index} mx${index}.example`);
    const { groups } = await hostsOf({ "MX example.net": records });
    expect(groups.flat()).toEqual(Array.from({ length: 20 }, (_, index) => `mx${999 - index}.example`));
    const equals = Array.from({ length: 1000 }, (_, index) => `10 mx${index}.example`);
    expect((await hostsOf({ "MX example.net": equals }, [], 3)).groups).toEqual([["mx0.example", "mx1.example", "mx2.example"]]);
  });

  it("a host named twice counts where it is best", async () => {
    expect((await hostsOf({ "MX example.net": ["20 a.example", "10 A.example.", "20 b.example"] })).groups).toEqual([["a.example"], ["b.example"]]);
  });

  it("parses what it prints, and nothing that is no MX record", () => {
    fc.assert(
      fc.property(fc.nat(65_535), fc.stringMatching(/^[A-Za-z0-9-]{1,20}\.[a-z]{1,10}$/), (preference, host) => {
        expect(parseMx(`${preference} ${host}`)).toEqual({ preference, host: host.toLowerCase() });
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        return parseMx(text) === undefined || /^\d{1,5} \S+$/.test(text);
      }),
    );
    expect(parseMx("65536 a")).toBeUndefined();
  });
});

describe("destinations", () => {
  it.each([
    ["bob@Example.NET", { domain: "example.net" }],
    ["bob@bücher.example", { domain: "xn--bcher-kva.example" }],
    ["bob@faß.example", { domain: "xn--fa-hia.example" }],
    ["bob@ｅxample.com", { domain: "example.com" }],
    ['"a@b"@example.net', { domain: "example.net" }],
    ["bob@[192.0.2.1]", { literal: "192.0.2.1" }],
    ["bob@[IPv6:2001:DB8::1]", { literal: "2001:db8::1" }],
    ["@a.example,@b.example:bob@example.net", { domain: "example.net" }],
  ])("C38 #7 M14: %s", (address, destination) => {
    expect(destinationOf(withoutRoute(address))).toEqual(destination);
  });

  it.each([
    ["postmaster", "5.1.3"], ["bob@", "5.1.2"], ["bob@192.0.2.1", "5.1.3"], ["bob@０x7f.１", "5.1.3"], ["bob@xn--\u{e9}.example", "5.1.2"], [`bob@${"é".repeat(64)}.example`, "5.1.2"], ["bob@a\u200db.example", "5.1.2"], ["bob@a\u05d0.example", "5.1.2"],
    ["bob@[2001:db8::1]", "5.1.3"], ["bob@[example.net]", "5.1.3"], ["bob@a..example", "5.1.2"], ["bob@-a.example", "5.1.2"],
    [`bob@${"a".repeat(64)}.example`, "5.1.2"], [`bob@${"a.".repeat(130)}example`, "5.1.2"], ["bob@exa/mple.net", "5.1.2"], ["bob@é/evil.example", "5.1.2"],
  ])("#7: %s is refused with %s before DNS is asked", (address, status) => {
    expect(() => destinationOf(address)).toThrow(expect.objectContaining({ name: "Refusal", status }));
  });

  it("M14: strips a route and nothing else", () => {
    for (const address of ["bob@example.net", '"@a:b"@example.net', "a:b@example.net", "@a:@b", "@"]) expect(withoutRoute(address)).toBe(address);
  });

  it("gives a host name or an address for any text, or a Refusal", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.stringMatching(/^[a-z0-9.-]{0,20}$/), fc.ipV4(), fc.ipV6().map((each) => `[IPv6:${each}]`)), (text) => {
        try {
          const found = destinationOf(`bob@${text}`);
          return "domain" in found ? isHostName(found.domain) : isIP(found.literal) > 0;
        } catch (error) {
          return error instanceof Refusal;
        }
      }),
    );
  });
});

describe("addresses", () => {
  const entries = { "A a.example": ["192.0.2.1", "192.0.2.2", "192.0.2.3"], "AAAA a.example": ["2001:db8::1"] };

  it.each([
    ["ipv6-first", ["2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]],
    ["ipv4-first", ["192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"]],
    ["ipv4-only", ["192.0.2.1", "192.0.2.2", "192.0.2.3"]],
    ["ipv6-only", ["2001:db8::1"]],
  ] as const)("M7: %s: the families take turns", async (order, addresses) => {
    expect(await addressesOf("a.example", table(entries), order, {})).toMatchObject({ addresses, failure: undefined });
  });

  it("M7: one family is enough where DNS does not tell about the other, and is no proof then", async () => {
    const found = await addressesOf("a.example", table({ "A a.example": { records: ["192.0.2.1"], secure: true }, "AAAA a.example": new Error("down") }), "ipv6-first", {});
    expect(found).toMatchObject({ addresses: ["192.0.2.1"], secure: false, failure: { status: "4.4.3" } });
  });

  it.each([
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1",
    "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "fec0::1",
    "::ffff:0:127.0.0.1", "::ffff:0:a9fe:a9fe", "::ffff:0:0:0",
    // Of the IANA registries: deprecated 6to4 relays, Teredo, benchmarks, ORCHID, and the rest of IETF protocol assignments.
    "192.88.99.1", "2001::1", "2001:0:4136:e378::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff::1", "100:0:0:1::1", "3fff::1", "5f00::1", "64:ff9b:1::1",
  ])("M19 #33: %s is refused", (address) => {
    expect(addressFilter([])(address)).toBe(false);
  });

  it.each(["192.88.98.1", "192.88.100.1", "2001:200::1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "193.0.0.1", "2a00:1450::1", "2001:4860::1", "64:ff9b::808:808", "2002:808:808::1", "::ffff:0:8.8.8.8"])("M19: %s is not", (address) => {
    expect(addressFilter([])(address)).toBe(true);
  });

  it("M19: a range can be allowed by name", () => {
    const filter = addressFilter(["10.0.0.0/8", "fd00::/8", "127.0.0.2"]);
    expect(["10.9.9.9", "fd00::1", "127.0.0.2", "8.8.8.8"].map(filter)).toEqual([true, true, true, true]);
    expect(["127.0.0.1", "192.168.0.1", "fc00::1"].map(filter)).toEqual([false, false, false]);
  });

  it("M19: whatever stands for a refused IPv4 address is refused", () => {
    fc.assert(
      fc.property(fc.constantFrom("10.0.0.1", "127.0.0.1", "192.168.4.5"), fc.constantFrom("::ffff:", "::ffff:0:", "::", "64:ff9b::"), (address, prefix) => {
        expect(addressFilter([])(prefix + address)).toBe(false);
      }),
    );
  });
});
