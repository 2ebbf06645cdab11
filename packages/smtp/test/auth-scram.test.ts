import { testCertificate } from "@postroad/testing/certificate";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { Auth, SmtpOptions, SmtpTransport } from "../src/index.ts";
import { smtp } from "../src/index.ts";
import type { ScramServerOptions } from "./scram-server.ts";
import { scramServer } from "./scram-server.ts";
import { expectCertainDeferral, first, kinds, mail, plain } from "./support.ts";

const USER = "ann";
const PASS = "pässwörd\u00a0x";
/** As SASLprep makes of it. */
const PREPARED = "pässwörd x";
const login = { user: USER, pass: PASS } as const;
const plainly = { auth: login, insecureCleartextAuth: true };
const server = { user: USER, pass: PREPARED, offer: ["PLAIN", "LOGIN", "SCRAM-SHA-256"] } satisfies ScramServerOptions;
const certificate = testCertificate();
const plus = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"];

function secure(port: number, auth: Auth, more: Partial<SmtpOptions> = {}): SmtpTransport {
  return smtp({ host: "localhost", port, security: "tls", auth, pool: 1, name: "client.example", tls: { ca: certificate.ca }, ...more });
}

describe("auth: SCRAM-SHA-256 against a server that keeps to it (C28)", () => {
  it("C28: logs in with a UTF-8 password, prepared", async () => {
    await using peer = await scramServer(server);
    await using transport = plain(peer, plainly);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.logins).toEqual([{ mechanism: "SCRAM-SHA-256", header: "n,,", verdict: "ok", resumed: false }]);
  });

  it("C28: a wrong password is refused, and nothing weaker is tried after it", async () => {
    await using peer = await scramServer({ ...server, pass: "another" });
    await using transport = plain(peer, plainly);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.7.8", reply: { code: 535 }, diagnosis: { phase: "auth" } });
    expect(peer.logins).toMatchObject([{ mechanism: "SCRAM-SHA-256", verdict: "wrong proof" }]);
  });

  it.each(["signature", "rounds=1", "rounds=1000000000", "nonce", "welcome"] as const)("#25 C28: a server that lies about its %s gets no mail", async (lie) => {
    await using peer = await scramServer({ ...server, lie });
    await using transport = plain(peer, plainly);
    const receipt = await transport.send(mail());
    expectCertainDeferral(first(receipt));
    expect(first(receipt)).toMatchObject({ diagnosis: { phase: "auth" } });
    const shown = `${JSON.stringify(receipt)} ${inspect(receipt, { depth: 10, showHidden: true })}`;
    for (const secret of [PASS, PREPARED, "p="]) expect(shown).not.toContain(secret);
    expect(peer.logins.map(({ mechanism }) => mechanism).filter((name) => name !== "SCRAM-SHA-256")).toEqual([]);
  });

  it("C27: the server's own error ends as its reply says", async () => {
    await using peer = await scramServer({ ...server, lie: "error" });
    await using transport = plain(peer, plainly);
    expect(first(await transport.send(mail()))).toMatchObject({ status: "4.7.8", reply: { code: 535 } });
  });
});

describe("auth: SCRAM-SHA-256-PLUS (C28, RFC 5929, RFC 9266)", () => {
  const cases = [["TLSv1.3", "p=tls-exporter,,"], ["TLSv1.2", "p=tls-unique,,"]] as const;

  it.each(cases)("C28: over %s it is bound with %s, and the server has the same value", async (version, header) => {
    await using peer = await scramServer({ ...server, offer: plus, tls: { ...certificate, minVersion: version, maxVersion: version } });
    await using transport = secure(peer.port, login);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.logins).toMatchObject([{ mechanism: "SCRAM-SHA-256-PLUS", header, verdict: "ok" }]);
  });

  it.each(cases)("C28: the second connection over %s is bound as well", async (version, header) => {
    await using peer = await scramServer({ ...server, offer: plus, tls: { ...certificate, minVersion: version, maxVersion: version } });
    await using transport = secure(peer.port, { ...login, method: "SCRAM-SHA-256-PLUS" }, { pool: { connections: 1, messages: 1 } });
    for (let index = 0; index < 3; index += 1) expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.logins.map((each) => [each.header, each.verdict])).toEqual([[header, "ok"], [header, "ok"], [header, "ok"]]);
    // Resumed TLS 1.2 has nothing to bind to; so it is not resumed.
    expect(peer.logins.map(({ resumed }) => resumed)).toEqual(version === "TLSv1.2" ? [false, false, false] : [false, true, true]);
  });

  it("C28: an offer without PLUS over TLS is answered with y, which exposes who cut it short", async () => {
    await using peer = await scramServer({ ...server, tls: certificate });
    await using transport = secure(peer.port, login);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.logins).toMatchObject([{ mechanism: "SCRAM-SHA-256", header: "y,,", verdict: "ok" }]);
  });

  it("C28: PLUS asked for and not to be had: nothing else is tried", async () => {
    await using peer = await scramServer({ ...server, offer: plus });
    await using transport = plain(peer, { auth: { ...login, method: "SCRAM-SHA-256-PLUS" }, insecureCleartextAuth: true });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.4", diagnosis: { phase: "auth" } });
    expect(peer.logins).toEqual([]);
  });
});
