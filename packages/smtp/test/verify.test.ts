import { ConfigError } from "@postroad/core";
import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import type { SessionReport, SmtpOptions, SmtpTransport } from "../src/index.ts";
import { smtp } from "../src/index.ts";
import { first, kinds, mail, thrownBy } from "./support.ts";

const authority = testAuthority();
const selfSigned = testCertificate({ issuer: "self", names: ["elsewhere.example"], expired: true });

function to(peer: { readonly port: number }, options: Partial<SmtpOptions> = {}): SmtpTransport {
  return smtp({ host: "localhost", port: peer.port, security: "starttls", pool: 1, name: "client.example", ...options });
}

describe("verify", () => {
  it("decides on a certificate in place of node:tls, on every connection", async () => {
    await using peer = await modelPeer({ tls: selfSigned, extensions: ["REQUIRETLS"] });
    const seen: string[] = [];
    await using transport = to(peer, {
      pool: { connections: 1, messages: 1 },
      verify(socket) {
        seen.push(socket.getPeerX509Certificate()?.subjectAltName ?? "none");
        return true;
      },
    });
    for (const _ of [1, 2]) expect(kinds(await transport.send(mail({ rest: { requireTls: true } })))).toEqual(["accepted"]);
    expect(seen).toEqual(["DNS:elsewhere.example", "DNS:elsewhere.example"]);
  });

  it("C45: what it does not call proven is protected, and not enough for REQUIRETLS", async () => {
    await using peer = await modelPeer({ tls: selfSigned, extensions: ["REQUIRETLS"] });
    await using transport = to(peer, { verify: () => false });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(first(await transport.send(mail({ rest: { requireTls: true } })))).toMatchObject({ kind: "rejected", status: "5.7.30" });
    expect(peer.messages).toMatchObject([{ secure: true }]);
  });

  it("what it throws refuses the server: the way, not the mail", async () => {
    await using peer = await modelPeer({ tls: testCertificate({ issuer: authority }) });
    const verify = (): never => {
      throw Object.assign(new Error("no TLSA record matches"), { code: "DANE_MISMATCH" });
    };
    await using transport = to(peer, { verify, tls: { ca: authority.cert } });
    expect(first(await transport.send(mail()))).toMatchObject({
      kind: "deferred",
      status: "4.7.5",
      message: expect.stringContaining("no TLSA record matches"),
      diagnosis: { phase: "tls", code: "DANE_MISMATCH" },
    });
    expect(peer.messages).toEqual([]);
  });

  it.each<Partial<SmtpOptions>>([{ security: "none" }, { insecureAcceptAnyCertificate: true }])("#73: contradicts %o", async (options) => {
    expect(await thrownBy(() => to({ port: 25 }, { verify: () => true, ...options }))).toBeInstanceOf(ConfigError);
  });
});

describe("onSession", () => {
  it("tells once a connection whether there is TLS, and what node:tls thinks of the certificate", async () => {
    const reports: SessionReport[] = [];
    const onSession = (report: SessionReport): void => void reports.push(report);
    await using peer = await modelPeer({ tls: selfSigned });
    await using open = await modelPeer();
    for (const at of [peer, open]) {
      await using transport = to(at, { security: "opportunistic", onSession });
      for (const _ of [1, 2]) await transport.send(mail());
    }
    expect(reports).toEqual([
      {
        remote: `localhost:${peer.port}`,
        tls: { protocol: "TLSv1.3", cipher: expect.stringMatching(/^TLS_/), verified: false, fault: "CERT_HAS_EXPIRED" },
      },
      { remote: `localhost:${open.port}` },
    ]);
  });

  it("tells why there is no session", async () => {
    const reports: SessionReport[] = [];
    await using peer = await modelPeer({ tls: selfSigned });
    await using transport = to(peer, { onSession: (report) => void reports.push(report) });
    await transport.send(mail());
    expect(reports).toMatchObject([{ refusal: { status: "4.7.5", options: { code: "CERT_HAS_EXPIRED" } } }]);
  });
});
