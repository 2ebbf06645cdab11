import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import { scriptedPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import type { TlsObservation } from "../src/index.ts";
import { mx } from "../src/index.ts";
import { dnsServer } from "./dns-server.ts";
import { first, kinds, local, mail, world } from "./support.ts";

const authority = testAuthority();
const selfSigned = testCertificate({ issuer: "self", names: ["elsewhere.example"], expired: true });
const zone = (host: string): Record<string, readonly string[]> => ({ "MX example.net": ["10 mx.example.net"], "A mx.example.net": [host] });

describe("opportunistic TLS", () => {
  it("M35: TLS where it is offered, whoever answers; the name of the host is asked for", async () => {
    await using at = await world([{ tls: selfSigned }], (hosts) => zone(hosts.host(0)));
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    expect(at.hosts.peers[0]?.messages).toMatchObject([{ secure: true }]);
  });

  it("M35: clear text where it is not offered", async () => {
    await using at = await world([{}], (hosts) => zone(hosts.host(0)));
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    expect(at.hosts.peers[0]?.messages).toMatchObject([{ secure: false }]);
  });

  it("M35: clear text by the same host where TLS fails and nobody demands it", async () => {
    const peer = await scriptedPeer();
    peer.session((s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").drop());
    peer.session((s) =>
      s.greet("STARTTLS", "8BITMIME").expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("250 ok").expect("DATA").reply("354 go").expectData().reply("250 ok"),
    );
    await using dns = await dnsServer(zone("127.0.0.1"));
    const observed: TlsObservation[] = [];
    const transport = mx(local(dns, peer.port, { tlsReports: { record: (each) => void observed.push(each) } }));
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
    expect(observed).toMatchObject([{ domain: "example.net", policy: { type: "no-policy-found" }, failure: { result: "validation-failure" } }]);
  });

  it("M35: STARTTLS that is refused is no reason not to deliver", async () => {
    const on = ({ step }: { readonly step: string }): string | undefined => (step === "starttls" ? "454 4.7.0 not now" : undefined);
    await using at = await world([{ tls: selfSigned, on }], (hosts) => zone(hosts.host(0)));
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
  });
});

describe("mail that requires TLS", () => {
  const requireTls = { rest: { requireTls: true } };
  const good = testCertificate({ issuer: authority, names: ["mx.example.net"] });
  const extensions = ["REQUIRETLS"];
  const tls = { ca: authority.cert };

  it("C45: is rejected where nothing proves which hosts are the domain's", async () => {
    await using at = await world([{ tls: good, extensions }], (hosts) => zone(hosts.host(0)), { tls });
    expect(first(await at.transport.send(mail(requireTls)))).toMatchObject({ kind: "rejected", status: "5.7.30", diagnosis: { phase: "policy" } });
    expect(at.hosts.peers[0]?.connections.total).toBe(0);
  });

  it("C45: goes where DNSSEC proves it, by verified TLS and with REQUIRETLS", async () => {
    await using at = await world([{ tls: good, extensions }], (hosts) => zone(hosts.host(0)), { tls }, { secure: true });
    expect(kinds(await at.transport.send(mail(requireTls)))).toEqual(["accepted"]);
    expect(at.hosts.peers[0]?.messages).toMatchObject([{ secure: true, parameters: expect.arrayContaining(["REQUIRETLS"]) }]);
  });

  it("C45: waits where the certificate is wrong; is rejected where no host offers REQUIRETLS, after all were asked", async () => {
    await using bad = await world([{ tls: selfSigned, extensions }], (hosts) => zone(hosts.host(0)), { tls }, { secure: true });
    expect(first(await bad.transport.send(mail(requireTls)))).toMatchObject({ kind: "deferred", status: "4.7.5" });
    await using at = await world([{ tls: good }, { tls: good, extensions }], (hosts) => ({
      "MX example.net": ["10 mx.example.net"], "A mx.example.net": [hosts.host(0), hosts.host(1)],
          }), { tls }, { secure: true });
    expect(first(await at.transport.send(mail(requireTls)))).toMatchObject({ kind: "accepted", remote: expect.stringContaining(at.hosts.host(1)) });
    at.dns.zone["A mx.example.net"] = [at.hosts.host(0)];
    await using dns = await dnsServer(at.dns.zone, { secure: true });
    await using transport = mx(local(dns, at.hosts.port, { tls }));
    expect(first(await transport.send(mail(requireTls)))).toMatchObject({ kind: "rejected", status: "5.7.30", diagnosis: { phase: "mail" } });
  });

  it("C45: a mail that says TLS-Required: No goes although the policy would forbid it", async () => {
    const other = [`3 1 1 ${"00".repeat(32)}`];
    await using at = await world([{ tls: selfSigned }], (hosts) => ({ ...zone(hosts.host(0)), [`TLSA _${hosts.port}._tcp.mx.example.net`]: other }), {}, { secure: true });
    expect(kinds(await at.transport.send(mail()))).toEqual(["deferred"]);
    expect(kinds(await at.transport.send(mail({ content: "Subject: x\r\nTLS-Required: No\r\n\r\n" })))).toEqual(["accepted"]);
  });
});
