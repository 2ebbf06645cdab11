import type { Transport } from "@postroad/core";
import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import { modelPeer, scriptedPeer } from "@postroad/testing/peer";
import { randomBytes } from "node:crypto";
import { lookup } from "node:dns/promises";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { SmtpOptions } from "../src/index.ts";
import { smtp } from "../src/index.ts";
import type { Build } from "./support.ts";
import { expectCertainDeferral, first, kinds, mail, portOf, scripted } from "./support.ts";

const authority = testAuthority();
const good = testCertificate({ issuer: authority });
const PASSWORD = "correct horse battery";

/** A transport that trusts the test authority and would like to log in. */
function trusting(peer: { readonly port: number }, options: Partial<SmtpOptions> = {}): Transport {
  return smtp({
    host: "localhost", port: peer.port, security: "starttls", tls: { ca: authority.cert }, pool: 1, name: "client.example",
    auth: { user: "ann", pass: PASSWORD }, ...options,
  });
}

const users = { ann: PASSWORD };

describe("tls: STARTTLS", () => {
  it("C19 C20 C23 C25: EHLO again after the handshake, verified, with SNI, AUTH from inside", async () => {
    const peer = await scripted(
      (s) =>
        s
          .reply("220 peer").expect("EHLO client.example").reply("250-peer", "250-STARTTLS", "250-AUTH PLAIN", "250-SIZE 1", "250 CHUNKING")
          .expect("STARTTLS").expectSilence().reply("220 go").upgrade()
          .expect("EHLO client.example").reply("250-peer", "250 AUTH PLAIN")
          .expectAuth("PLAIN", `\0ann\0${PASSWORD}`).reply("235 ok")
          .expect(/^MAIL FROM:<\S+>$/).reply("250 ok").expect(/^RCPT/).reply("250 ok").expect("DATA").reply("354 go").expectData().reply("250 ok"),
      { tls: good },
    );
    await using transport = trusting(peer);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.sessions[0]?.tls).toMatchObject({ servername: "localhost", protocol: "TLSv1.3" });
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("C24: implicit TLS, and an address in place of a name", async () => {
    await using peer = await modelPeer({ tls: good, implicitTls: true, users });
    await using transport = trusting(peer, { host: "127.0.0.1", security: "tls" });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.messages).toMatchObject([{ secure: true, user: "ann" }]);
  });

  it.each<[string, Build]>([
    ["not offered", (s) => s.greet("AUTH PLAIN").expectEnd()],
    ["refused with 454", (s) => s.greet("STARTTLS", "AUTH PLAIN").expect("STARTTLS").reply("454 4.7.0 not now").expectEnd()],
    ["refused with 501", (s) => s.greet("STARTTLS", "AUTH PLAIN").expect("STARTTLS").reply("501 5.5.4 no").expectEnd()],
    ["behind HELO", (s) => s.reply("220 a").expect(/^EHLO/).reply("502 no").expect(/^HELO/).reply("250 a").expectEnd()],
  ])("C19 #22: STARTTLS %s: nothing is sent, and no password told", async (_, build) => {
    await using peer = await scripted(build);
    await using transport = trusting(peer);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.7.4", diagnosis: { phase: "starttls", advice: expect.stringContaining("STARTTLS") } });
    expect(peer.sessions[0]?.received.join()).not.toMatch(/AUTH|MAIL/);
  });

  it("C19: opportunistic goes on in the clear, but does not tell the password", async () => {
    const silent: Build = (s) => s.greet("AUTH PLAIN").expectEnd();
    await using peer = await scripted(silent);
    await using transport = trusting(peer, { security: "opportunistic" });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.11", diagnosis: { phase: "auth" } });
    await using open = await modelPeer();
    await using anonymous = smtp({ host: "127.0.0.1", port: open.port, security: "opportunistic" });
    expect(kinds(await anonymous.send(mail()))).toEqual(["accepted"]);
  });

  it("C25: opportunistic does not tell the password behind a certificate it did not verify", async () => {
    await using peer = await modelPeer({ tls: testCertificate({ issuer: "self" }), users });
    await using transport = trusting(peer, { security: "opportunistic" });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.11" });
    await using anonymous = smtp({ host: "localhost", port: peer.port, security: "opportunistic" });
    expect(first(await anonymous.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.0", reply: { code: 530 } });
  });
});

describe("tls: resumption", () => {
  /** One set for all connections, so that the sessions of one are known to the next. */
  const ticketKeys = randomBytes(48);

  it("C25: a session with a certificate for another name is not trusted when it is resumed", async () => {
    await using peer = await modelPeer({ tls: { ...testCertificate({ issuer: authority, names: ["mallory.example"] }), ticketKeys }, users });
    await using transport = trusting(peer, { security: "opportunistic", pool: { connections: 1, messages: 1 } });
    for (let round = 0; round < 3; round += 1) {
      expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.11" });
    }
    expect(peer.transcripts.flat().join()).not.toContain("AUTH PLAIN A");
  });

  it("C23: a verified session is resumed, and the password told again", async () => {
    await using peer = await modelPeer({ tls: { ...good, ticketKeys }, users });
    await using transport = trusting(peer, { pool: { connections: 1, messages: 1 } });
    for (let round = 0; round < 3; round += 1) expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.connections.total).toBe(3);
  });
});

describe("tls: injection (C21, #23)", () => {
  const injected = ["250-evil\r\n250 AUTH PLAIN\r\n", "250 ok\r\n", "2", "250-", "250-x\r\n", "junk\r\n", "\0", "\r\n"];
  const cases = injected.flatMap((extra) => {
    const bytes = `220 go\r\n${extra}`;
    return Array.from({ length: bytes.length }, (_, cut) => [extra, cut] as const).filter(([, cut]) => cut === 0 || cut <= 8);
  });

  it("C21: anything behind the 220 in the same or the next segment is fatal, wherever it is cut", async () => {
    for (const [extra, cut] of cases) {
      const peer = await scripted((s) => {
        s.greet("STARTTLS").expect("STARTTLS").send(`220 go\r\n${extra}`);
        if (cut > 0) s.splitAt(cut);
        s.ignore();
      });
      const transport = trusting(peer, { timeouts: { tls: extra.length < 5 ? 50 : 20_000 } });
      const outcome = first(await transport.send(mail()));
      expectCertainDeferral(outcome);
      // Less than the five bytes of a record header leaves the TLS engine waiting for the rest.
      const status = extra.length < 5 ? /^4\.(7\.5|4\.1)$/ : /^4\.7\.5$/;
      expect(outcome, `${JSON.stringify(extra)} cut at ${cut}`).toMatchObject({ status: expect.stringMatching(status) });
      expect(peer.sessions[0]?.raw.toString("latin1")).not.toMatch(/AUTH|MAIL/);
      await transport[Symbol.asyncDispose]();
      await peer[Symbol.asyncDispose]();
    }
  });

  it("C22: nothing is sent between STARTTLS and its reply", async () => {
    const gate = new AbortController();
    await using peer = await scripted(
      (s) => s.greet("STARTTLS", "PIPELINING").expect("STARTTLS").expectSilence(gate.signal).reply("220 go").expectRefusedUpgrade(testCertificate()),
    );
    await using transport = trusting(peer);
    const sending = transport.send(mail());
    await peer.sessions[0]?.opened;
    setTimeout(() => gate.abort(), 20);
    expect(first(await sending)).toMatchObject({ kind: "deferred" });
  });
});

describe("tls: verification (C23, #24)", () => {
  const cases: readonly (readonly [string, Parameters<typeof testCertificate>[0], string, string])[] = [
    ["expired", { issuer: authority, expired: true }, "CERT_HAS_EXPIRED", "expired"],
    ["not yet valid", { issuer: authority, notYetValid: true }, "CERT_NOT_YET_VALID", "clock"],
    ["for another name", { issuer: authority, names: ["other.example"] }, "ERR_TLS_CERT_ALTNAME_INVALID", "another name"],
    ["self-signed", { issuer: "self" }, "DEPTH_ZERO_SELF_SIGNED_CERT", "tls.ca"],
    ["of an unknown authority", {}, "SELF_SIGNED_CERT_IN_CHAIN", "tls.ca"],
  ];

  for (const implicitTls of [true, false]) {
    it.each(cases)(`#24: a certificate %s, ${implicitTls ? "implicit TLS" : "STARTTLS"}`, async (_, options, code, advice) => {
      const tls = testCertificate(options);
      await using peer = await scriptedPeer({ tls, patience: 500 });
      peer.session((s) => {
        if (!implicitTls) s.greet("STARTTLS").expect("STARTTLS").reply("220 go");
        s.expectRefusedUpgrade();
      });
      await using transport = trusting(peer, implicitTls ? { security: "tls" } : {});
      const outcome = first(await transport.send(mail()));
      expectCertainDeferral(outcome);
      expect(outcome).toMatchObject({ status: "4.7.5", diagnosis: { code, phase: "tls", advice: expect.stringContaining(advice) } });
      expect(peer.sessions[0]?.raw.toString("latin1")).not.toMatch(/AUTH|MAIL/);
    });
  }

  it("C23: a server that speaks nothing newer than TLS 1.1 is refused", async () => {
    await using peer = await scripted(
      (s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").expectRefusedUpgrade({ ...good, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
    );
    await using transport = trusting(peer);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.7.5", diagnosis: { phase: "tls", code: expect.stringMatching(/PROTOCOL/), advice: expect.stringContaining("TLS") } });
  });

  it("C23: insecureAcceptAnyCertificate lets the mail go, and warns once", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on("warning", note);
    await using peer = await modelPeer({ tls: testCertificate({ issuer: "self" }), users });
    await using transport = trusting(peer, { insecureAcceptAnyCertificate: true, tls: {} });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    process.off("warning", note);
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining("any certificate is accepted")]);
    expect(JSON.stringify(warnings)).not.toContain(PASSWORD);
  });

  it("#24: TLS on a port that begins in plain text has its own advice", async () => {
    await using peer = await scripted((s) => s.send("220 plain\r\n").ignore());
    await using transport = trusting(peer, { security: "tls" });
    expect(first(await transport.send(mail()))).toMatchObject({
      status: "4.7.5",
      diagnosis: { code: "ERR_SSL_WRONG_VERSION_NUMBER", advice: expect.stringContaining("starttls") },
    });
  });
});

describe("tls: handshakes that go wrong (#23)", () => {
  it("a handshake that hangs ends after timeouts.tls, and the socket with it", async () => {
    await using peer = await scripted((s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").ignore());
    await using transport = trusting(peer, { timeouts: { tls: 50 } });
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ diagnosis: { phase: "tls" }, message: expect.stringContaining("50 ms") });
    await peer.sessions[0]?.closed;
  });

  it.each(["drop", "reset"] as const)("a %s in place of a handshake", async (how) => {
    for (const implicit of [true, false]) {
      await using peer = await scripted((s) => {
        if (!implicit) s.greet("STARTTLS").expect("STARTTLS").reply("220 go");
        s.expectBytes(1);
        s[how]();
      });
      await using transport = trusting(peer, implicit ? { security: "tls" } : {});
      const outcome = first(await transport.send(mail()));
      expectCertainDeferral(outcome);
      expect(outcome).toMatchObject({ status: "4.7.5", diagnosis: { phase: "tls", code: "ECONNRESET" } });
    }
  });

  it("220, then the end", async () => {
    await using peer = await scripted((s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").drop());
    await using transport = trusting(peer);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
  });

  it("an abort during the handshake closes the socket", async () => {
    const stop = new AbortController();
    await using peer = await scripted((s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").expectBytes(1).call(() => stop.abort()).ignore());
    await using transport = trusting(peer);
    expect(first(await transport.send(mail(), stop))).toMatchObject({ kind: "deferred", status: "4.3.2" });
    await peer.sessions[0]?.closed;
  });

  it("C23: an IPv6 address, and a name with several addresses of which one answers", async () => {
    const server = createServer((socket) => socket.end("421 4.3.2 seen\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "::1", resolve));
    const port = portOf(server);
    const addresses = await lookup("localhost", { all: true });
    for (const host of addresses.some(({ family }) => family === 6) ? ["::1", "localhost"] : ["::1"]) {
      await using transport = trusting({ port }, { host });
      const outcome = first(await transport.send(mail()));
      expect(outcome).toMatchObject({ reply: { code: 421 }, remote: host === "::1" ? `[::1]:${port}` : `localhost:${port}` });
    }
    await new Promise((resolve) => server.close(resolve));
  });
});
