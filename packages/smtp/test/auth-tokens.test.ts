import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import { scriptedPeer } from "@postroad/testing/peer";
import { createHmac } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { Auth } from "../src/index.ts";
import { smtp } from "../src/index.ts";
import type { Build } from "./support.ts";
import { expectCertainDeferral, first, kinds, mail, plain, scripted, thrownBy } from "./support.ts";

const USER = "ann@example.net";
const OLD = "canary-token-old-1";
const NEW = "canary-token-new-2";
const insecureCleartextAuth = true;
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const bearer = (token: string, port: number): string => `n,a=${USER},\x01host=127.0.0.1\x01port=${port}\x01auth=Bearer ${token}\x01\x01`;
const xoauth2 = (token: string): string => `user=${USER}\x01auth=Bearer ${token}\x01\x01`;
const taken: Build = (s) => s.expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("250 ok").expect("DATA").reply("354 go").expectData().reply("250 ok");

function expectNot(value: unknown, ...secrets: readonly string[]): void {
  const shown = `${JSON.stringify(value)} ${inspect(value, { depth: 10, showHidden: true })}`;
  for (const secret of secrets) {
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain(base64(secret));
  }
}

describe("auth: tokens on the wire (C28)", () => {
  it("C28: OAUTHBEARER before XOAUTH2, with host and port", async () => {
    await using peer = await scripted((s) => s.greet("AUTH PLAIN XOAUTH2 OAUTHBEARER").expect((line) => line === `AUTH OAUTHBEARER ${base64(bearer(OLD, peer.port))}`).reply("235 ok").use(taken));
    await using transport = plain(peer, { auth: { user: USER, token: OLD }, insecureCleartextAuth });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  it.each([
    ["OAUTHBEARER", "AQ=="],
    ["XOAUTH2", ""],
  ] as const)("C28: %s: the error in a challenge is answered with %j, and the refusal stands", async (method, answer) => {
    await using peer = await scripted((s) =>
      s.greet(`AUTH ${method}`).expect(new RegExp(`^AUTH ${method} `)).challenge('{"status":"401","schemes":"bearer"}').expect(answer).reply("535 5.7.8 no").expectEnd(),
    );
    await using transport = plain(peer, { auth: { user: USER, token: OLD }, insecureCleartextAuth });
    const receipt = await transport.send(mail());
    expectCertainDeferral(first(receipt));
    expect(first(receipt)).toMatchObject({ status: "4.7.8", diagnosis: { phase: "auth" } });
    expectNot(receipt, OLD, xoauth2(OLD));
  });

  it.each(["sync", "async"])("C28: a function (%s) is asked again once, after 535, on the same connection", async (form) => {
    const asked: boolean[] = [];
    const token = ({ refresh }: { readonly refresh: boolean }): string | Promise<string> => {
      asked.push(refresh);
      const value = refresh ? NEW : OLD;
      return form === "sync" ? value : Promise.resolve(value);
    };
    await using peer = await scripted((s) =>
      s.greet("AUTH XOAUTH2").expectAuth("XOAUTH2", xoauth2(OLD)).challenge("{}").expect("").reply("535 5.7.8 expired").expectAuth("XOAUTH2", xoauth2(NEW)).reply("235 ok").use(taken),
    );
    await using transport = plain(peer, { auth: { user: USER, token }, insecureCleartextAuth });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(asked).toEqual([false, true]);
  });

  it("C27 C28: not a third time", async () => {
    let asked = 0;
    await using peer = await scripted((s) => s.greet("AUTH XOAUTH2").use((x) => x.expect(/^AUTH XOAUTH2/).reply("535 5.7.8 no"), 2).expectEnd());
    await using transport = plain(peer, { auth: { user: USER, token: () => `${NEW}-${(asked += 1)}` }, insecureCleartextAuth });
    const receipt = await transport.send(mail());
    expect(first(receipt)).toMatchObject({ kind: "deferred", status: "4.7.8" });
    expect(asked).toBe(2);
    expectNot(receipt, NEW);
  });

  const unrefreshed: readonly (readonly [string, Auth, string])[] = [
    ["a token that is a string", { user: USER, token: OLD }, "535 5.7.8 no"],
    ["454", { user: USER, token: () => OLD }, "454 4.7.0 later"],
    ["534", { user: USER, token: () => OLD }, "534 5.7.9 no"],
    ["a password", { user: USER, pass: OLD, method: "PLAIN" }, "535 5.7.8 no"],
  ];
  it.each(unrefreshed)("C27: %s is not tried twice", async (_, auth, reply) => {
    await using peer = await scripted((s) => s.greet("AUTH XOAUTH2 PLAIN").expect(/^AUTH/).reply(reply).expectEnd());
    await using transport = plain(peer, { auth, insecureCleartextAuth });
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ reply: { code: Number(reply.slice(0, 3)) } });
  });

  const senseless: readonly (readonly [string, () => unknown])[] = [
    ["throws", () => { throw new Error("no network"); }],
    ["rejects", () => Promise.reject(new Error("no network"))],
    ["gives nothing", () => undefined],
    ["gives an object", () => ({ access_token: OLD })],
    ["gives a header line", () => `${OLD}\r\nBcc: x`],
    ["gives two fields", () => `${OLD}\x01auth=Bearer x`],
    ["gives an empty string", () => ""],
  ];
  it.each(senseless)("C28 #75: a token function that %s defers the mail and shows no token", async (_, give) => {
    await using peer = await scripted((s) => s.greet("AUTH XOAUTH2").expectEnd());
    // As it comes from JavaScript.
    const auth = Object.assign({ user: USER, token: OLD }, { token: give });
    await using transport = plain(peer, { auth, insecureCleartextAuth });
    const receipt = await transport.send(mail());
    expectCertainDeferral(first(receipt));
    expect(first(receipt)).toMatchObject({ status: "4.7.0", diagnosis: { phase: "auth" } });
    expectNot(receipt, OLD);
  });

  it("C7 #34: a token function that never settles ends with timeouts.command", async () => {
    await using peer = await scripted((s) => s.greet("AUTH XOAUTH2").expectEnd());
    await using transport = plain(peer, { auth: { user: USER, token: () => new Promise(() => undefined) }, insecureCleartextAuth, timeouts: { command: 50 } });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.0", diagnosis: { phase: "auth" } });
  });

  it("#34: nor does it hold up an abort, or disposal", async () => {
    const controller = new AbortController();
    await using peer = await scripted((s) => s.greet("AUTH XOAUTH2").expectEnd());
    const token = (): Promise<string> => new Promise(() => controller.abort());
    await using transport = plain(peer, { auth: { user: USER, token }, insecureCleartextAuth });
    expectCertainDeferral(first(await transport.send(mail(), { signal: controller.signal })));
  });

  it("#34: the server hangs up while a token is fetched", async () => {
    let asked = (): void => undefined;
    const gate = new Promise<void>((resolve) => (asked = resolve));
    await using peer = await scripted((s) => s.greet("AUTH XOAUTH2").wait(gate).drop());
    const token = (): Promise<string> => new Promise(() => asked());
    await using transport = plain(peer, { auth: { user: USER, token }, insecureCleartextAuth });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.2" });
  });
});

describe("auth: challenges (C26, #25)", () => {
  const login = { user: USER, pass: "abcd" } as const;

  it("C28: CRAM-MD5 over the wire, and no PLAIN after it failed", async () => {
    const challenge = "<1896.697170952@postoffice.reston.mci.net>";
    const digest = createHmac("md5", login.pass).update(challenge).digest("hex");
    await using peer = await scripted((s) =>
      s.greet("AUTH PLAIN LOGIN CRAM-MD5").expectAuth("CRAM-MD5").challenge(challenge).expectBase64(`${USER} ${digest}`).reply(`535 5.7.8 not ${digest}`).expectEnd(),
    );
    await using transport = plain(peer, { auth: login, insecureCleartextAuth });
    const receipt = await transport.send(mail());
    expect(first(receipt)).toMatchObject({ status: "4.7.8" });
    // A digest can be tried against passwords at leisure.
    expectNot(receipt, digest, `${USER} ${digest}`);
  });

  it("C26: a challenge that happens to hold the password is answered as it was sent", async () => {
    const challenge = Buffer.from("abcdabcdabcd", "base64").toString("latin1");
    const text = Buffer.from(challenge, "latin1").toString();
    const digest = createHmac("md5", login.pass).update(text).digest("hex");
    await using peer = await scripted((s) => s.greet("AUTH CRAM-MD5").expectAuth("CRAM-MD5").reply("334 abcdabcdabcd").expectBase64(`${USER} ${digest}`).reply("235 ok").use(taken));
    await using transport = plain(peer, { auth: login, insecureCleartextAuth });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  const endless: readonly (readonly [string, Auth, Build])[] = [
    ["CRAM-MD5", { ...login, method: "CRAM-MD5" }, (s) => s.challenge("a").expect(/./).challenge("b")],
    ["LOGIN", { ...login, method: "LOGIN" }, (s) => s.challenge("u").expect(/./).challenge("p").expect(/./).challenge("more")],
    ["PLAIN", { ...login, method: "PLAIN" }, (s) => s.challenge("more")],
    ["XOAUTH2", { user: USER, token: OLD, method: "XOAUTH2" }, (s) => s.challenge("{}").expect("").challenge("{}")],
    ["OAUTHBEARER", { user: USER, token: OLD, method: "OAUTHBEARER" }, (s) => s.challenge("{}").expect("AQ==").challenge("{}")],
    ["SCRAM-SHA-256", { ...login, method: "SCRAM-SHA-256" }, (s) => s.reply("334 !!!! no base64")],
    ["EXTERNAL", { method: "EXTERNAL" }, (s) => s.challenge("who?")],
  ];
  it.each(endless)("#25 C26: %s: a challenge too many is cancelled with *, and the login is over", async (name, auth, build) => {
    await using peer = await scripted((s) => s.greet(`AUTH ${name}`).expect(/^AUTH/).use(build).expect("*").reply("501 5.7.0 cancelled").expectEnd());
    await using transport = plain(peer, { auth, insecureCleartextAuth });
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.5.0", diagnosis: { phase: "auth" } });
  });

  it.each(["235 2.7.0 in", "334 AAAA", "250 ok"])("#25: %s after * lets nobody in", async (reply) => {
    await using peer = await scripted((s) => s.greet("AUTH PLAIN").expect(/^AUTH/).challenge("more").expect("*").reply(reply).expectEnd());
    await using transport = plain(peer, { auth: { ...login, method: "PLAIN" }, insecureCleartextAuth });
    expectCertainDeferral(first(await transport.send(mail())));
  });

  it("#25: 235 to CRAM-MD5 before its challenge proves nothing", async () => {
    await using peer = await scripted((s) => s.greet("AUTH CRAM-MD5").expectAuth("CRAM-MD5").reply("235 welcome").expectEnd());
    await using transport = plain(peer, { auth: login, insecureCleartextAuth });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.8" });
  });
});

describe("auth: EXTERNAL (C28, RFC 4422 appendix A)", () => {
  const authority = testAuthority();
  const served = testCertificate({ issuer: authority });
  const client = testCertificate({ issuer: authority, names: ["ann.example"] });
  const tls = { ...served, requestCert: true, ca: authority.cert };

  it.each([[{ method: "EXTERNAL" } as const, ""], [{ method: "EXTERNAL", user: "ann" } as const, "ann"]])("C28: %j sends %j, and the certificate with the handshake", async (auth, initial) => {
    await using peer = await scripted((s) => s.greet("AUTH PLAIN EXTERNAL").expectAuth("EXTERNAL", initial).reply("235 ok").use(taken), { tls: { ...tls, rejectUnauthorized: true }, implicitTls: true });
    await using transport = smtp({ host: "localhost", port: peer.port, security: "tls", auth, pool: 1, tls: { ca: authority.cert, key: client.key, cert: client.cert } });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  it("C25: nor does EXTERNAL go over an unverified connection", async () => {
    await using peer = await scriptedPeer({ tls: testCertificate({ issuer: "self" }) });
    peer.session((s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").upgrade().expect(/^EHLO/).reply("250-x", "250 AUTH EXTERNAL").expectEnd());
    await using transport = smtp({ host: "localhost", port: peer.port, security: "opportunistic", auth: { method: "EXTERNAL" }, pool: 1 });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.11" });
  });
});

describe("auth: options", () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [{ user: "a", pass: "canary-1", methd: "PLAIN" }, "methd"],
    [{ user: "a", pass: "canary-1", method: "XOAUTH2" }, "method"],
    [{ user: "a", token: "canary-1", method: "PLAIN" }, "method"],
    [{ user: "a", token: "canary-1\r\n" }, "token"],
    [{ user: "a\x01b", token: "canary-1" }, "user"],
    [{ user: "", token: "canary-1" }, "user"],
    [{ user: "a", pass: "canary-1\0" }, "pass"],
    [{ user: "a", pass: 42 }, "pass"],
    [{ pass: "canary-1" }, "user"],
    [{ user: "a" }, "pass"],
    [{ method: "EXTERNAL", pass: "canary-1" }, "pass"],
    [{ user: "a", pass: "canary-1", token: "canary-1" }, "pass"],
  ];
  it.each(wrong)("#73 #75: %j names %s, and never a secret", async (auth, path) => {
    const options = { host: "mail.example", ...JSON.parse(JSON.stringify({ auth })) };
    const error = await thrownBy(() => smtp(options));
    expect(error).toMatchObject({ name: "ConfigError", issues: expect.arrayContaining([expect.objectContaining({ path })]) });
    expectNot(error, "canary-1");
  });
});
