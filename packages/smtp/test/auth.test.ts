import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import { modelPeer } from "@postroad/testing/peer";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { smtp } from "../src/index.ts";
import type { Build } from "./support.ts";
import { expectCertainDeferral, first, kinds, mail, plain, scripted, thrownBy } from "./support.ts";

const USER = "ann@example.net";
const CANARY = "canary-Pässwörd-7f3a";
const auth = { user: USER, pass: CANARY };
const insecure = { auth, insecureCleartextAuth: true };
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const FORMS = [CANARY, base64(CANARY), base64(`\0${USER}\0${CANARY}`)];

/** Everything a program could print of `value`. */
function printed(value: unknown): string {
  return `${JSON.stringify(value)} ${inspect(value, { depth: 10, showHidden: true })} ${String(value)}`;
}

function expectNoSecret(value: unknown): void {
  for (const form of FORMS) expect(printed(value)).not.toContain(form);
}

const delivered: Build = (s) =>
  s.expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("250 ok").expect("DATA").reply("354 go").expectData().reply("250 ok");

describe("auth: mechanisms", () => {
  it("C26: PLAIN with an initial response in UTF-8", async () => {
    await using peer = await scripted((s) => s.greet("AUTH LOGIN PLAIN").expectAuth("PLAIN", `\0${USER}\0${CANARY}`).reply("235 ok").use(delivered));
    await using transport = plain(peer, insecure);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  it("C26: LOGIN answers each challenge, whatever it says", async () => {
    await using peer = await scripted((s) =>
      s.greet("AUTH LOGIN").expectAuth("LOGIN").reply("334 !!! no base64").expectBase64(USER).challenge("Password:").expectBase64(CANARY).reply("235 ok").use(delivered),
    );
    await using transport = plain(peer, insecure);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  const refusals: readonly (readonly [string, Build, string])[] = [
    ["C27: 535 is our misconfiguration and never bounces mail", (s) => s.reply("535 5.7.8 bad credentials").expectEnd(), "4.7.8"],
    ["C27: 454 is temporary", (s) => s.reply("454 4.7.0 later").expectEnd(), "4.7.0"],
    ["C27: 534", (s) => s.reply("534 5.7.9 stronger please").expectEnd(), "4.7.9"],
    ["C27: 538", (s) => s.reply("538 5.7.11 encrypt").expectEnd(), "4.7.11"],
    ["#25: 334 for ever", (s) => s.challenge("").expect("*").reply("334 again").expectEnd(), "4.5.0"],
    ["#25: 334 in place of 235", (s) => s.challenge("more").expect("*").reply("501 cancelled").expectEnd(), "4.5.0"],
    ["#25: a challenge of a megabyte", (s) => s.flood("x".repeat(1000), 1000).expectEnd(), "4.5.0"],
    ["#25: a huge 334", (s) => s.send(`334 ${"A".repeat(70_000)}\r\n`).expectEnd(), "4.5.0"],
    ["#25: 250 in place of 235", (s) => s.reply("250 ok").expectEnd(), "4.5.0"],
    ["#25: the connection drops", (s) => s.drop(), "4.4.2"],
  ];

  it.each(refusals)("%s", async (_, build, status) => {
    await using peer = await scripted((s) => s.greet("AUTH PLAIN").expect(/^AUTH PLAIN/).use(build));
    await using transport = plain(peer, insecure);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status, diagnosis: { phase: "auth" } });
    expectNoSecret(outcome);
  });

  it("#25: LOGIN let in before the password was asked for", async () => {
    await using peer = await scripted((s) => s.greet("AUTH LOGIN").expectAuth("LOGIN").reply("235 welcome").expectEnd());
    await using transport = plain(peer, insecure);
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", diagnosis: { phase: "auth" } });
  });

  it("C25: AUTH that is not offered is not tried", async () => {
    for (const extension of ["HELP", "AUTH GSSAPI NTLM"]) {
      await using peer = await scripted((s) => s.greet(extension).expectEnd());
      await using transport = plain(peer, insecure);
      expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.4", diagnosis: { phase: "auth" } });
    }
  });

  it("C27: 530 to MAIL is our misconfiguration, with advice", async () => {
    await using peer = await scripted((s) => s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("530 5.7.0 log in", "503 no", "503 no"));
    await using transport = plain(peer);
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.0", diagnosis: { advice: expect.stringContaining("auth") } });
  });
});

describe("auth: the password stays ours", () => {
  it("C25 #74: with security none it takes an option that names the risk", async () => {
    const error = await thrownBy(() => smtp({ host: "x.example", security: "none", auth }));
    expect(error).toMatchObject({ name: "ConfigError", message: expect.stringContaining("insecureCleartextAuth") });
    expectNoSecret(error);
  });

  it("#75: a server that repeats what it was told does not get it into outcomes", async () => {
    const initial = base64(`\0${USER}\0${CANARY}`);
    const echoes: readonly Build[] = [
      (s) => s.greet("AUTH PLAIN").expect(/^AUTH/).reply(`535 5.7.8 wrong: ${initial}`).expectEnd(),
      (s) => s.greet("AUTH PLAIN").expect(/^AUTH/).reply(`500-5.5.1 unknown: AUTH PLAIN ${initial}`, `500 ${CANARY}`).expectEnd(),
      (s) => s.greet("AUTH LOGIN").expect(/^AUTH/).challenge("u").expect(/./).challenge("p").expect(/./).reply(`535 no ${base64(CANARY)}`).expectEnd(),
      (s) => s.greet("AUTH PLAIN").expect(/^AUTH/).send(`what? ${CANARY}\r\n`).expectEnd(),
      (s) => s.greet("AUTH PLAIN").expect(/^AUTH/).reply("235 ok").expect(/^MAIL/).reply(`550 5.7.1 I know ${CANARY} and ${initial}`),
    ];
    for (const echo of echoes) {
      await using peer = await scripted(echo);
      await using transport = plain(peer, insecure);
      const receipt = await transport.send(mail());
      expect(kinds(receipt)).not.toContain("accepted");
      expectNoSecret(receipt);
      expectNoSecret(receipt.outcomes[0]);
    }
  });

  it("#75: canary: no way to fail shows the password, and none but verified TLS carries it", async () => {
    const authority = testAuthority();
    const tls = testCertificate({ issuer: authority });
    const bad = testCertificate({ issuer: "self" });
    const ends: readonly Build[] = [
      (s) => s.reply("421 no").expectEnd(),
      (s) => s.greet("AUTH PLAIN").expectEnd(),
      (s) => s.greet("STARTTLS").expect("STARTTLS").reply("454 no").expectEnd(),
      (s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").expectRefusedUpgrade(bad),
      (s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").upgrade().expect(/^EHLO/).reply("250-a", "250 AUTH PLAIN").expect(/^AUTH/).reply("535 no").expectEnd(),
      (s) => s.greet("STARTTLS").expect("STARTTLS").reply("220 go").upgrade().expect(/^EHLO/).reply("250-a", "250 AUTH PLAIN").expect(/^AUTH/).reset(),
    ];
    for (const end of ends) {
      await using peer = await scripted(end, { tls });
      peer.session(end);
      await using transport = smtp({ host: "localhost", port: peer.port, auth, tls: { ca: authority.cert }, pool: 1 });
      const receipt = await transport.send(mail());
      expect(kinds(receipt)).toEqual(["deferred"]);
      expectNoSecret(receipt);
      expectNoSecret(await thrownBy(transport.check()));
      expectNoSecret(transport);
      const secured = peer.sessions[0]?.tls !== undefined;
      const told = FORMS.some((form) => peer.sessions[0]?.raw.includes(form));
      expect(told).toBe(secured);
    }
  });

  it("#75: nor does success", async () => {
    await using peer = await modelPeer({ users: { [USER]: CANARY } });
    await using transport = plain(peer, insecure);
    expectNoSecret(await transport.send(mail()));
    expect(peer.messages[0]?.user).toBe(USER);
  });
});
