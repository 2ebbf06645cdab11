import { testCertificate } from "@postroad/testing/certificate";
import { modelPeer } from "@postroad/testing/peer";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { smtp } from "../src/index.ts";
import type { ProxyOptions } from "./proxies.ts";
import { httpProxy, socksProxy } from "./proxies.ts";
import { expectCertainDeferral, first, kinds, mail, thrownBy, until } from "./support.ts";

const CANARY = "canary-p@ss/w:rd";
const login = { user: "ann@x", pass: CANARY };
const HOST = "mail.somewhere.example";
const certificate = testCertificate({ names: [HOST] });
const kindsOfProxy = [["http", httpProxy], ["socks5", socksProxy]] as const;

function url(scheme: string, port: number, { user, pass }: { readonly user?: string; readonly pass?: string } = {}): string {
  const at = user === undefined ? "" : `${encodeURIComponent(user)}:${encodeURIComponent(pass ?? "")}@`;
  return `${scheme}://${at}127.0.0.1:${port}`;
}

function expectNoSecret(value: unknown): void {
  const shown = `${JSON.stringify(value)} ${inspect(value, { depth: 12, showHidden: true })}`;
  for (const form of [CANARY, encodeURIComponent(CANARY), Buffer.from(`ann@x:${CANARY}`).toString("base64")]) expect(shown).not.toContain(form);
}

describe.each(kindsOfProxy)("proxy: %s", (scheme, start) => {
  it.each([["without a login", {}], ["with a login", login]])("leads to the server, %s, which it finds by itself", async (_, credentials) => {
    await using peer = await modelPeer();
    await using proxy = await start({ to: peer, ...credentials });
    await using transport = smtp({ host: HOST, port: 2525, security: "none", proxy: url(scheme, proxy.port, credentials) });
    const receipt = await transport.send(mail());
    expect(receipt.outcomes).toMatchObject([{ kind: "accepted", remote: `${HOST}:2525` }]);
    expect(proxy.asked).toEqual([`${HOST}:2525`]);
  });

  it.each(["tls", "starttls"] as const)("C23 C24: security %s goes through it, verified against the server's name", async (security) => {
    await using peer = await modelPeer({ tls: certificate, implicitTls: security === "tls", users: { ann: "secret" } });
    await using proxy = await start({ to: peer });
    await using transport = smtp({ host: HOST, port: 2525, security, auth: { user: "ann", pass: "secret" }, tls: { ca: certificate.ca }, proxy: url(scheme, proxy.port) });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.messages).toMatchObject([{ secure: true, user: "ann" }]);
  });

  it("#24: a certificate for another name is refused through it too", async () => {
    await using peer = await modelPeer({ tls: testCertificate({ names: ["other.example"] }), implicitTls: true });
    await using proxy = await start({ to: peer });
    await using transport = smtp({ host: HOST, port: 2525, security: "tls", tls: { ca: certificate.ca }, proxy: url(scheme, proxy.port) });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.5" });
  });

  const failures: readonly (readonly [string, Partial<ProxyOptions>, Partial<typeof login>])[] = [
    ["refuses", { mood: "refuse" }, login],
    ["does not speak its protocol", { mood: "junk" }, login],
    ["wants a login and gets none", login, {}],
    ["gets a wrong login", { ...login, pass: "another" }, login],
  ];
  it.each(failures)("#75: that %s: deferred, certain, with advice and no password", async (_, options, credentials) => {
    await using peer = await modelPeer();
    await using proxy = await start({ to: peer, ...options });
    await using transport = smtp({ host: HOST, port: 2525, security: "none", proxy: url(scheme, proxy.port, credentials) });
    const receipt = await transport.send(mail());
    expectCertainDeferral(first(receipt));
    expect(first(receipt)).toMatchObject({ status: "4.4.1", remote: `127.0.0.1:${proxy.port}`, diagnosis: { phase: "connect", advice: expect.any(String) } });
    expectNoSecret(receipt);
    expectNoSecret(receipt.outcomes[0]);
    expectNoSecret(await thrownBy(transport.check()));
    expectNoSecret(transport);
    expect(peer.connections.total).toBe(0);
    await until(() => proxy.sockets.size === 0);
  });

  it("that is not there", async () => {
    const proxy = await start({ to: { port: 1 } });
    await proxy[Symbol.asyncDispose]();
    await using transport = smtp({ host: HOST, port: 2525, security: "none", proxy: url(scheme, proxy.port) });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.1", diagnosis: { phase: "connect", code: "ECONNREFUSED" } });
  });

  it("#34 C7: that never answers: an abort, timeouts.connect and disposal end it, and nothing stays open", async () => {
    await using proxy = await start({ to: { port: 1 }, mood: "hang" });
    const controller = new AbortController();
    await using patient = smtp({ host: HOST, port: 2525, security: "none", proxy: url(scheme, proxy.port) });
    const aborted = patient.send(mail(), { signal: controller.signal });
    await until(() => proxy.sockets.size === 1);
    controller.abort();
    expectCertainDeferral(first(await aborted));
    await until(() => proxy.sockets.size === 0);
    await using hasty = smtp({ host: HOST, port: 2525, security: "none", proxy: url(scheme, proxy.port), timeouts: { connect: 50 } });
    expect(first(await hasty.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.1" });
    await until(() => proxy.sockets.size === 0);
  });

  it("timeouts.connect ends with the connection being there", async () => {
    let go = (): void => undefined;
    const late = new Promise<undefined>((resolve) => (go = () => resolve(undefined)));
    await using peer = await modelPeer({ on: ({ step }) => (step === "message" ? late : undefined) });
    await using proxy = await start({ to: peer });
    await using transport = smtp({ host: HOST, port: 2525, security: "none", proxy: url(scheme, proxy.port), timeouts: { connect: 100 } });
    const sent = transport.send(mail());
    setTimeout(go, 200);
    expect(kinds(await sent)).toEqual(["accepted"]);
  });

  it("is reached from localAddress", async () => {
    await using peer = await modelPeer();
    await using proxy = await start({ to: peer });
    await using transport = smtp({ host: HOST, port: 2525, security: "none", proxy: url(scheme, proxy.port), localAddress: "127.0.0.9" });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect([...proxy.sockets].map(({ remoteAddress }) => remoteAddress)).toEqual(["127.0.0.9"]);
  });
});

describe("proxy: options", () => {
  it.each(["ftp://proxy.example", "https://proxy.example", "proxy.example:1080", "", "socks5://", "socks5://a%zz@proxy.example", "socks4://proxy.example"])("#19 #73: %j is no proxy", async (proxy) => {
    const error = await thrownBy(() => smtp({ host: HOST, proxy }));
    expect(error).toMatchObject({ name: "ConfigError", issues: [{ path: "proxy" }] });
  });

  it("#75: a proxy that is none does not show its password", async () => {
    expectNoSecret(await thrownBy(() => smtp({ host: HOST, proxy: `ftp://ann:${encodeURIComponent(CANARY)}@proxy.example` })));
  });
});
