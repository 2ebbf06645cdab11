import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import type { ModelPeerOptions } from "@postroad/testing/peer";
import { scriptedPeer } from "@postroad/testing/peer";
import { X509Certificate, createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MxOptions, TlsObservation } from "../src/index.ts";
import { mx } from "../src/index.ts";
import { isUsable, parseTlsa, presentation } from "../src/policy/tlsa.ts";
import type { DnsServerOptions, Zone } from "./dns-server.ts";
import { dnsServer } from "./dns-server.ts";
import type { Farm, World } from "./support.ts";
import { first, kinds, local, mail, world } from "./support.ts";

const authority = testAuthority();
const HOST = "mx.example.net";
/** For another name, of nobody's authority, and expired: DANE-EE asks for none of it. */
const poor = testCertificate({ issuer: "self", names: ["elsewhere.example"], expired: true });

type Selector = 0 | 1;

/** The data of a TLSA record for a certificate in PEM. */
function tlsa(usage: number, selector: Selector, matchingType: number, pem: string): string {
  const certificate = new X509Certificate(pem);
  const bytes = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: "spki", format: "der" });
  const data = matchingType === 0 ? bytes : createHash(matchingType === 1 ? "sha256" : "sha512").update(bytes).digest();
  return `${usage} ${selector} ${matchingType} ${data.toString("hex")}`;
}

const wrong = (usage = 3): string => `${usage} 1 1 ${"00".repeat(32)}`;

/** One signed domain with one host, which presents `certificate`, and its TLSA records. */
async function signed(
  certificate: { readonly key: string; readonly cert: string } | undefined,
  records: Zone[string],
  more: (hosts: Farm) => Zone = () => ({}),
  options: MxOptions = {},
  dns: DnsServerOptions = { secure: true },
): Promise<World & { readonly observed: readonly TlsObservation[] }> {
  const observed: TlsObservation[] = [];
  const peer: ModelPeerOptions = certificate === undefined ? {} : { tls: certificate };
  const at = await world([peer], (hosts) => ({
    "MX example.net": [`10 ${HOST}`], [`A ${HOST}`]: [hosts.host(0)], [`TLSA _${hosts.port}._tcp.${HOST}`]: records, ...more(hosts),
  }), { tlsReports: { record: (each) => void observed.push(each) }, ...options }, dns);
  return { ...at, observed, [Symbol.asyncDispose]: () => at[Symbol.asyncDispose]() };
}

describe("DANE-EE", () => {
  it.each([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]] as const)("M28: 3 %i %i: it is enough that the record matches; name and expiry are ignored", async (selector, matching) => {
    await using at = await signed(poor, [wrong(), tlsa(3, selector, matching, poor.cert)]);
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    expect(at.hosts.peers[0]?.messages).toMatchObject([{ secure: true }]);
    expect(at.observed).toEqual([{ domain: "example.net", host: HOST, address: at.hosts.host(0), policy: { type: "tlsa", strings: expect.any(Array), mxHosts: [] } }]);
  });

  it("M28: a certificate that no record matches is refused, however valid it is", async () => {
    const good = testCertificate({ issuer: authority, names: [HOST] });
    await using at = await signed(good, [wrong()], undefined, { tls: { ca: authority.cert } });
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.5", diagnosis: { phase: "tls", code: "DANE_TLSA_MISMATCH" } });
    expect(at.hosts.peers[0]?.messages).toEqual([]);
    expect(at.observed).toMatchObject([{ policy: { type: "tlsa" }, failure: { result: "validation-failure", reason: "DANE_TLSA_MISMATCH" } }]);
  });

  it("M25: without TLS there is nothing to match: never in clear text", async () => {
    await using at = await signed(undefined, [wrong()]);
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.4", diagnosis: { phase: "starttls" } });
    expect(at.observed).toMatchObject([{ failure: { result: "starttls-not-supported" } }]);
  });

  it("M32: the TLSA base domain is what the server is asked for by name, and TLS is 1.2 or later", async () => {
    const peer = await scriptedPeer({ tls: poor });
    peer.session((s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").upgrade().expect(/^EHLO/).reply("250 peer").expect(/^MAIL/).reply("550 5.7.1 enough"));
    await using dns = await dnsServer({
      "MX example.net": ["10 alias.example.net"], "CNAME alias.example.net": ["host.example.net"], "A host.example.net": ["127.0.0.1"],
      [`TLSA _${peer.port}._tcp.host.example.net`]: [tlsa(3, 1, 1, poor.cert)],
    }, { secure: true });
    const transport = mx(local(dns, peer.port));
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "rejected", status: "5.7.1" });
    await transport[Symbol.asyncDispose]();
    expect(peer.sessions[0]?.tls).toMatchObject({ servername: "host.example.net", protocol: "TLSv1.3" });
    await peer[Symbol.asyncDispose]();
  });
});

describe("DANE-TA", () => {
  const good = testCertificate({ issuer: authority, names: [HOST] });
  const chain = { key: good.key, cert: good.cert + authority.cert };

  it.each([[0, 0], [0, 1], [1, 1], [1, 2]] as const)("M29: 2 %i %i: an authority that the server presents, and the name", async (selector, matching) => {
    await using at = await signed(chain, [tlsa(2, selector, matching, authority.cert)]);
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
  });

  it("M29: an authority that is whole in DNS need not be presented; else it must be", async () => {
    await using at = await signed({ key: good.key, cert: good.cert }, [tlsa(2, 0, 0, authority.cert)]);
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    await using other = await signed({ key: good.key, cert: good.cert }, [tlsa(2, 0, 1, authority.cert)]);
    expect(first(await other.transport.send(mail()))).toMatchObject({ status: "4.7.5", diagnosis: { code: "DANE_TLSA_MISMATCH" } });
  });

  it.each([
    ["another name", testCertificate({ issuer: authority, names: ["elsewhere.example"] }), "ERR_TLS_CERT_ALTNAME_INVALID", "certificate-host-mismatch"],
    ["no name at all", testCertificate({ issuer: authority, names: [] }), "ERR_TLS_CERT_ALTNAME_INVALID", "certificate-host-mismatch"],
    ["an expired one", testCertificate({ issuer: authority, names: [HOST], expired: true }), "CERT_HAS_EXPIRED", "certificate-expired"],
    ["one that is not valid yet", testCertificate({ issuer: authority, names: [HOST], notYetValid: true }), "CERT_NOT_YET_VALID", "certificate-not-trusted"],
    ["one of another authority", testCertificate({ names: [HOST] }), "DANE_TLSA_MISMATCH", "validation-failure"],
  ])("M29: %s is refused", async (_, certificate, code, result) => {
    await using at = await signed({ key: certificate.key, cert: certificate.cert + authority.cert }, [tlsa(2, 1, 1, authority.cert)]);
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.5", diagnosis: { code } });
    expect(at.observed).toMatchObject([{ failure: { result, reason: code } }]);
  });

  it("M29: a server's certificate is no authority, though a record names it", async () => {
    const impostor = testCertificate({ issuer: { cert: good.cert, key: good.key }, names: [HOST] });
    await using at = await signed({ key: impostor.key, cert: impostor.cert + good.cert + authority.cert }, [tlsa(2, 1, 1, good.cert)]);
    expect(first(await at.transport.send(mail()))).toMatchObject({ status: "4.7.5" });
  });

  it("M29: the certificate may be for the domain of the recipients as well", async () => {
    const forDomain = testCertificate({ issuer: authority, names: ["example.net"] });
    await using at = await signed({ key: forDomain.key, cert: forDomain.cert + authority.cert }, [tlsa(2, 1, 1, authority.cert)]);
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
  });

  it("M29: but not for another domain's recipients by the same host", async () => {
    const forDomain = testCertificate({ issuer: authority, names: ["example.net"] });
    await using at = await signed({ key: forDomain.key, cert: forDomain.cert + authority.cert }, [tlsa(2, 1, 1, authority.cert)], () => ({ "MX other.example": [`10 ${HOST}`] }));
    expect(kinds(await at.transport.send(mail({ to: ["bob@example.net", "bob@other.example"] })))).toEqual(["accepted", "deferred"]);
  });
});

describe("when DANE applies", () => {
  it("M30 M27: with PKIX usages, unknown or broken records only: TLS, whoever answers", async () => {
    const unusable = [tlsa(0, 1, 1, authority.cert), tlsa(1, 1, 1, poor.cert), `3 1 1 ${"00".repeat(31)}`, `3 2 1 ${"00".repeat(32)}`, `3 1 3 ${"00".repeat(32)}`];
    await using at = await signed(poor, unusable);
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    expect(at.hosts.peers[0]?.messages).toMatchObject([{ secure: true }]);
    expect(at.observed).toMatchObject([{ policy: { type: "tlsa" }, failure: { result: "tlsa-invalid" } }]);
    await using bare = await signed(undefined, unusable);
    expect(first(await bare.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.4" });
  });

  it.each([
    ["the TLSA record", (hosts: Farm): Zone => ({ [`TLSA _${hosts.port}._tcp.${HOST}`]: { records: [wrong()], insecure: true } })],
    ["the address", (hosts: Farm): Zone => ({ [`A ${HOST}`]: { records: [hosts.host(0)], insecure: true } })],
    ["the MX record", (): Zone => ({ "MX example.net": { records: [`10 ${HOST}`], insecure: true } })],
  ])("M25: not where %s is not signed", async (_, more) => {
    await using at = await signed(poor, [wrong()], more);
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    expect(at.observed).toMatchObject([{ policy: { type: "no-policy-found" } }]);
  });

  it("M25: not where the resolver is not trusted, or DANE is switched off", async () => {
    await using at = await signed(poor, [wrong()], undefined, {}, { secure: false });
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    await using off = await signed(poor, [wrong()], undefined, { dane: false });
    expect(kinds(await off.transport.send(mail()))).toEqual(["accepted"]);
  });

  it("M26: where the TLSA lookup fails, the host waits; there is no way around", async () => {
    await using at = await signed(poor, "SERVFAIL");
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.3", diagnosis: { phase: "dns", code: "SERVFAIL" } });
    expect(at.hosts.peers[0]?.connections.total).toBe(0);
    expect(at.observed).toMatchObject([{ policy: { type: "tlsa" }, failure: { result: "dnssec-invalid" } }]);
  });

  it("M26: so it does where an address lookup fails, though the other family is known", async () => {
    await using at = await signed(poor, [wrong()], () => ({ [`AAAA ${HOST}`]: "SERVFAIL" }), { addresses: "ipv6-first" });
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.3" });
    expect(at.hosts.peers[0]?.connections.total).toBe(0);
  });

  it("M26: the next host, whose records can be had, gets the mail", async () => {
    await using at = await signed(poor, [tlsa(3, 1, 1, poor.cert)], (hosts) => ({
      "MX example.net": ["5 broken.example.net", `10 ${HOST}`], "A broken.example.net": [hosts.host(5)], [`TLSA _${hosts.port}._tcp.broken.example.net`]: "SERVFAIL",
    }));
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "accepted", remote: expect.stringContaining(HOST) });
  });

  it("M31: looks at what a signed alias leads to first, then at the name itself", async () => {
    const alias = (hosts: Farm): Zone => ({ "MX example.net": ["10 alias.example.net"], "CNAME alias.example.net": [HOST], [`TLSA _${hosts.port}._tcp.alias.example.net`]: [wrong()] });
    await using expanded = await signed(poor, [tlsa(3, 1, 1, poor.cert)], alias);
    expect(kinds(await expanded.transport.send(mail()))).toEqual(["accepted"]);
    await using original = await signed(poor, [], (hosts) => ({ ...alias(hosts), [`TLSA _${hosts.port}._tcp.alias.example.net`]: [tlsa(3, 1, 1, poor.cert)] }));
    expect(kinds(await original.transport.send(mail()))).toEqual(["accepted"]);
    expect(original.observed).toMatchObject([{ policy: { type: "tlsa" } }]);
  });

  it("M31: of an alias that leaves the signed zones, the records of the name itself count", async () => {
    await using at = await signed(poor, [wrong()], (hosts) => ({
      "MX example.net": ["10 alias.example.net"], "CNAME alias.example.net": ["host.unsigned.example"],
      "A host.unsigned.example": { records: [hosts.host(0)], insecure: true }, [`TLSA _${hosts.port}._tcp.alias.example.net`]: [wrong()],
    }));
    expect(first(await at.transport.send(mail()))).toMatchObject({ status: "4.7.5", diagnosis: { code: "DANE_TLSA_MISMATCH" } });
  });
});

describe("TLSA records", () => {
  const record = fc.record({ usage: fc.nat(255), selector: fc.nat(255), matchingType: fc.nat(255), data: fc.uint8Array({ maxLength: 80 }) });

  it("are read as they are written", () => {
    fc.assert(
      fc.property(record, ({ data, ...rest }) => {
        const parsed = parseTlsa(presentation({ ...rest, data: Buffer.from(data) }));
        expect(parsed).toEqual({ ...rest, data: Buffer.from(data) });
      }),
    );
  });

  it("M30: are usable only with usages 2 and 3, and a digest of the right length", () => {
    fc.assert(
      fc.property(record, ({ data, ...rest }) => {
        const length = rest.matchingType === 1 ? 32 : 64;
        const fine = rest.matchingType === 0 ? data.length > 0 : data.length === length;
        expect(isUsable({ ...rest, data: Buffer.from(data) })).toBe((rest.usage === 2 || rest.usage === 3) && rest.selector < 2 && rest.matchingType < 3 && fine);
      }),
    );
  });

  it("nothing else is one", () => {
    fc.assert(fc.property(fc.string(), (text) => parseTlsa(text) === undefined || /^\d+ \d+ \d+ [\da-f]*$/i.test(text)));
    for (const text of ["3 1 1 abc", "256 1 1 ab", "3 1 ab", ""]) expect(parseTlsa(text)).toBeUndefined();
  });
});
