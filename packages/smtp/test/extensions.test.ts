import type { Envelope, Recipient } from "@postroad/core";
import { MAX_TIMER } from "@postroad/core";
import { testCertificate } from "@postroad/testing/certificate";
import { modelPeer } from "@postroad/testing/peer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SmtpOptions } from "../src/index.ts";
import { smtp } from "../src/index.ts";
import { FROM, TO, expectCertainDeferral, first, kinds, mail, plain, scripted } from "./support.ts";

const NOW = Date.parse("2026-03-01T12:00:00.000Z");
const HOUR = 3_600_000;

interface Wanted {
  readonly extensions?: readonly string[];
  readonly rest?: Omit<Envelope, "from" | "to">;
  readonly to?: readonly (string | Recipient)[];
  readonly options?: Partial<SmtpOptions>;
}

/** What MAIL and RCPT look like on the wire, and the outcome. */
async function spoken({ extensions = [], rest = {}, to = [TO], options = {} }: Wanted): Promise<{ readonly lines: readonly string[]; readonly outcome: ReturnType<typeof first> }> {
  await using peer = await modelPeer({ extensions: ["PIPELINING", ...extensions] });
  await using transport = plain(peer, { clock: () => NOW, ...options });
  const outcome = first(await transport.send(mail({ rest, to })));
  expect(peer.violations).toEqual([]);
  return { lines: peer.transcripts.flat().filter((line) => /^C: (?:MAIL|RCPT)/.test(line)).map((line) => line.slice(3)), outcome };
}

const accepted = { kind: "accepted" };

describe("extensions: DSN (RFC 3461)", () => {
  it("C39 C40 C41: RET, ENVID, NOTIFY and ORCPT", async () => {
    const to = [
      { address: TO, notify: ["success", "failure", "delay"], originalRecipient: "rfc822;Bob+tag@b.example" },
      { address: "cid@b.example", notify: "never" },
      { address: "dan@b.example", notify: ["failure"] },
      { address: "eve@b.example", notify: [] },
    ] satisfies readonly Recipient[];
    const { lines, outcome } = await spoken({ extensions: ["DSN"], rest: { dsn: { ret: "hdrs", envid: "a+b=c d" } }, to });
    expect(outcome).toMatchObject(accepted);
    expect(lines).toEqual([
      `MAIL FROM:<${FROM}> RET=HDRS ENVID=a+2Bb+3Dc+20d`,
      `RCPT TO:<${TO}> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;Bob+2Btag@b.example`,
      "RCPT TO:<cid@b.example> NOTIFY=NEVER",
      "RCPT TO:<dan@b.example> NOTIFY=FAILURE",
      "RCPT TO:<eve@b.example>",
    ]);
  });

  it("C41: RET=FULL", async () => {
    expect((await spoken({ extensions: ["DSN"], rest: { dsn: { ret: "full" } } })).lines[0]).toBe(`MAIL FROM:<${FROM}> RET=FULL`);
  });

  it("C42: nothing of it where DSN is not offered, and the mail goes all the same", async () => {
    const { lines, outcome } = await spoken({ rest: { dsn: { ret: "full", envid: "x" } }, to: [{ address: TO, notify: "never", originalRecipient: "rfc822;x@y" }] });
    expect(outcome).toMatchObject(accepted);
    expect(lines).toEqual([`MAIL FROM:<${FROM}>`, `RCPT TO:<${TO}>`]);
  });

  it.each([
    [[], { notify: ["failure"] }, true],
    [["DSN"], { notify: ["failure"] }, undefined],
    [[], { notify: "never" }, undefined],
    [[], {}, undefined],
  ] as const)("C42: who asked for reports is told where none will come: %j %j", async (extensions, asked, relayed) => {
    const { outcome } = await spoken({ extensions: [...extensions], to: [{ address: TO, ...asked }] });
    expect(outcome).toMatchObject(accepted);
    expect(outcome.kind === "accepted" && outcome.relayed).toBe(relayed);
  });

  it.each([["e".repeat(101)], [""], ["a\r\nRCPT TO:<x@y>"], ["é"]])("C40 #19: an ENVID of %j is refused before anything is sent", async (envid) => {
    const { lines, outcome } = await spoken({ extensions: ["DSN"], rest: { dsn: { envid } } });
    expect(outcome).toMatchObject({ kind: "rejected", status: "5.5.4", diagnosis: { phase: "envelope" } });
    expect(lines).toEqual([]);
  });

  it("C40: utf-8 addresses have an encoding of their own (RFC 6533 §3)", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "DSN"] });
    await using transport = plain(peer);
    const to = [{ address: TO, originalRecipient: "utf-8;jö+r=g\\😀@b.example" }];
    expect(kinds(await transport.send(mail({ to })))).toEqual(["accepted"]);
    expect(peer.messages[0]?.to[0]?.parameters).toEqual(["ORCPT=utf-8;j\\x{F6}\\x{2B}r\\x{3D}g\\x{5C}\\x{1F600}@b.example"]);
  });

  it.each(["bob@b.example", "rfc822;", ";bob@b.example", "rfc 822;bob@b.example", `rfc822;${"ö".repeat(100)}@b.example`, `rfc822;${"b".repeat(500)}`])(
    "C40 C10 #19: an ORCPT of %j is refused before anything is sent", async (originalRecipient) => {
      const { lines, outcome } = await spoken({ extensions: ["DSN"], to: [{ address: TO, originalRecipient }] });
      expect(outcome).toMatchObject({ kind: "rejected", status: "5.5.4", diagnosis: { phase: "envelope" } });
      expect(lines).toEqual([]);
    },
  );

  it("C40: xtext can be read back, whatever is in it", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "DSN"] });
    await using transport = plain(peer);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 100 }), fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), async (envid, original) => {
        const to = [{ address: TO, originalRecipient: `rfc822;${original.toWellFormed()}` }];
        expect(kinds(await transport.send(mail({ to, rest: { dsn: { envid } } })))).toEqual(["accepted"]);
        const message = peer.messages.at(-1);
        expect(message?.parameters.map(decoded)).toEqual([`ENVID=${envid}`]);
        expect(message?.to[0]?.parameters.map(decoded)).toEqual([`ORCPT=rfc822;${original.toWellFormed()}`]);
      }),
      { numRuns: 50 },
    );
  });
});

function decoded(xtext: string): string {
  const bytes = xtext.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString();
}

describe("extensions: REQUIRETLS (RFC 8689)", () => {
  const certificate = testCertificate();
  const requireTls = { rest: { requireTls: true } };

  it("C45: on MAIL, over verified TLS", async () => {
    await using peer = await modelPeer({ tls: certificate, extensions: ["PIPELINING", "REQUIRETLS"] });
    await using transport = smtp({ host: "localhost", port: peer.port, tls: { ca: certificate.ca } });
    expect(kinds(await transport.send(mail(requireTls)))).toEqual(["accepted"]);
    expect(peer.messages[0]?.parameters).toEqual(["REQUIRETLS"]);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.messages[1]?.parameters).toEqual([]);
  });

  it.each([
    ["the server does not offer it", ["PIPELINING"], { tls: { ca: certificate.ca } }],
    ["nobody has verified the certificate", ["PIPELINING", "REQUIRETLS"], { insecureAcceptAnyCertificate: true }],
    ["TLS is opportunistic", ["PIPELINING", "REQUIRETLS"], { security: "opportunistic" }],
  ] as const)("C45: not at all where %s", async (_, extensions, options) => {
    await using peer = await modelPeer({ tls: certificate, extensions });
    await using transport = smtp({ host: "localhost", port: peer.port, ...options });
    expect(first(await transport.send(mail(requireTls)))).toMatchObject({ kind: "rejected", status: "5.7.30", diagnosis: { phase: "mail" } });
    expect(peer.messages).toEqual([]);
  });

  it("C45: TLS-Required: No travels as it is, weighs nothing against REQUIRETLS, and lowers no security of ours", async () => {
    const content = "TLS-Required: No\r\nSubject: x\r\n\r\nhi\r\n";
    await using peer = await modelPeer({ tls: certificate, extensions: ["PIPELINING", "REQUIRETLS"] });
    await using transport = smtp({ host: "localhost", port: peer.port, tls: { ca: certificate.ca } });
    expect(kinds(await transport.send(mail({ content })))).toEqual(["accepted"]);
    expect(kinds(await transport.send(mail({ content, ...requireTls })))).toEqual(["accepted"]);
    expect(peer.messages.map((each) => [each.content.toString(), each.parameters])).toEqual([[content, []], [content, ["REQUIRETLS"]]]);
    await using clear = await modelPeer();
    await using strict = smtp({ host: "localhost", port: clear.port });
    expect(first(await strict.send(mail({ content })))).toMatchObject({ kind: "deferred", status: "4.7.4" });
    expect(clear.messages).toEqual([]);
  });

  it("C45: nor in plain text that announces it", async () => {
    expect((await spoken({ extensions: ["REQUIRETLS"], ...requireTls })).outcome).toMatchObject({ kind: "rejected", status: "5.7.30" });
  });
});

describe("extensions: FUTURERELEASE (RFC 4865)", () => {
  const hold = (milliseconds: number): NonNullable<Wanted["rest"]> => ({ holdUntil: NOW + milliseconds });

  it.each([
    ["FUTURERELEASE 86400 2026-03-02T12:00:00Z", HOUR, "2026-03-01T13:00:00Z"],
    ["FUTURERELEASE 3600", HOUR, "2026-03-01T13:00:00Z"],
    ["FUTURERELEASE 86400", 1, "2026-03-01T12:00:01Z"],
    ["FUTURERELEASE 86400", 90_500, "2026-03-01T12:01:31Z"],
  ])("C46: %s, in %i ms: HOLDUNTIL=%s, never before its time", async (extension, milliseconds, time) => {
    const { lines, outcome } = await spoken({ extensions: [extension], rest: hold(milliseconds) });
    expect(outcome).toMatchObject(accepted);
    expect(lines[0]).toBe(`MAIL FROM:<${FROM}> HOLDUNTIL=${time}`);
  });

  it.each([
    ["DSN", HOUR], ["FUTURERELEASE 3599", HOUR], ["FUTURERELEASE", HOUR], ["FUTURERELEASE x y", HOUR], ["FUTURERELEASE 86400 2026-03-01T12:30:00Z", HOUR],
    ["FUTURERELEASE 86400 tomorrow", HOUR],
  ])("C46: %s, in %i ms: it would be delivered too soon, so it is kept", async (extension, milliseconds) => {
    const { lines, outcome } = await spoken({ extensions: [extension], rest: hold(milliseconds) });
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.5.4", retryAfter: milliseconds, diagnosis: { advice: expect.stringContaining("queue") } });
    expect(lines).toEqual([]);
  });

  it("C46: the wait until then is no longer than a timer can be", async () => {
    expect((await spoken({ rest: hold(1e12) })).outcome).toMatchObject({ retryAfter: MAX_TIMER });
  });

  it("C46: a time that has passed is no wish any more", async () => {
    expect((await spoken({ rest: hold(-HOUR) })).lines[0]).toBe(`MAIL FROM:<${FROM}>`);
  });

  it.each([Number.NaN, Infinity, 1e20])("C46 #73: holdUntil %d is refused", async (holdUntil) => {
    expect((await spoken({ extensions: ["FUTURERELEASE 86400"], rest: { holdUntil } })).outcome).toMatchObject({ kind: "rejected", status: "5.5.4" });
  });
});

describe("extensions: MT-PRIORITY (RFC 6710)", () => {
  it.each([-9, 0, 9])("C47: %i", async (priority) => {
    expect((await spoken({ extensions: ["MT-PRIORITY STANAG4406"], rest: { priority } })).lines[0]).toBe(`MAIL FROM:<${FROM}> MT-PRIORITY=${priority}`);
  });

  it("C47: a server that knows none is left ignorant", async () => {
    const { lines, outcome } = await spoken({ rest: { priority: 5 } });
    expect(outcome).toMatchObject(accepted);
    expect(lines[0]).toBe(`MAIL FROM:<${FROM}>`);
  });

  it.each([10, -10, 1.5, Number.NaN])("C47: %d is refused", async (priority) => {
    expect((await spoken({ extensions: ["MT-PRIORITY"], rest: { priority } })).outcome).toMatchObject({ kind: "rejected", status: "5.5.4" });
  });
});

describe("extensions: DELIVERBY (RFC 2852)", () => {
  const by = (milliseconds: number, mode: "return" | "notify"): NonNullable<Wanted["rest"]> => ({ deliverBy: { at: NOW + milliseconds, mode } });

  it.each([
    ["DELIVERBY", 60_000, "return", "BY=60;R"], ["DELIVERBY 60", 60_000, "return", "BY=60;R"], ["DELIVERBY 60,more", 60_000, "return", "BY=60;R"],
    ["DELIVERBY 240", 60_000, "notify", "BY=60;N"], ["DELIVERBY", -60_000, "notify", "BY=-60;N"], ["DELIVERBY", 1e13, "notify", "BY=999999999;N"],
  ] as const)("C49: %s, %i ms, %s: %s", async (extension, milliseconds, mode, parameter) => {
    expect((await spoken({ extensions: [extension], rest: by(milliseconds, mode) })).lines[0]).toBe(`MAIL FROM:<${FROM}> ${parameter}`);
  });

  it.each([["DELIVERBY 240"], ["DELIVERBY 240,more"], ["DSN"]])("C49: %s: a promise that cannot be kept is not asked for", async (extension) => {
    const { lines, outcome } = await spoken({ extensions: [extension], rest: by(60_000, "return") });
    expect(outcome).toMatchObject({ kind: "rejected", status: "5.3.3" });
    expect(lines).toEqual([]);
  });

  it("C49: too late to be of use", async () => {
    expect((await spoken({ extensions: ["DELIVERBY"], rest: by(-1, "return") })).outcome).toMatchObject({ kind: "rejected", status: "5.4.7" });
  });

  it("C49: notify is a wish, which a server without it is left ignorant of", async () => {
    const { lines, outcome } = await spoken({ rest: by(60_000, "notify") });
    expect(outcome).toMatchObject(accepted);
    expect(lines[0]).toBe(`MAIL FROM:<${FROM}>`);
  });
});

describe("extensions: together", () => {
  it("every parameter once, each with its extension, behind STARTTLS too", async () => {
    await using peer = await scripted((s) =>
      s
        .greet("PIPELINING", "SIZE", "8BITMIME", "DSN", "MT-PRIORITY", "DELIVERBY", "FUTURERELEASE 86400")
        .expectGroup(`MAIL FROM:<${FROM}> SIZE=22 HOLDUNTIL=2026-03-01T13:00:00Z MT-PRIORITY=1 BY=7200;N RET=FULL`, /^RCPT/, "DATA").reply("250 a", "250 b", "354 go").expectData().reply("250 ok"),
    );
    await using transport = plain(peer, { clock: () => NOW });
    const rest = { holdUntil: NOW + HOUR, priority: 1, deliverBy: { at: NOW + 2 * HOUR, mode: "notify" }, dsn: { ret: "full" } } as const;
    expect(kinds(await transport.send(mail({ rest })))).toEqual(["accepted"]);
  });
});
