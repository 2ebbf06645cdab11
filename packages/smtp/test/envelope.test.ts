import type { Envelope } from "@postroad/core";
import { modelPeer } from "@postroad/testing/peer";
import { testCertificate } from "@postroad/testing/certificate";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { smtp } from "../src/index.ts";
import { pathOf } from "../src/path.ts";
import { first, kinds, mail, plain, streamed } from "./support.ts";

const ALL = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 1000000", "DSN", "ENHANCEDSTATUSCODES"];
const PLAIN = ["PIPELINING"];

describe("envelope: paths", () => {
  it.each([
    "plain@x.example", "MiXed.Case@X.Example", "a+b=c@x.example", "a..b@x.example", ".a@x.example", '"a b"@x.example',
    '"a\\"b"@x.example', '"a@b"@x.example', "u@[192.0.2.1]", "u@[IPv6:2001:db8::1]", `${"l".repeat(64)}@x.example`,
  ])("C16 C17: %s goes out as it was written", (address) => {
    expect(pathOf(address, "5.1.3")).toBe(address);
  });

  it.each([
    ["user@bücher.example", "user@xn--bcher-kva.example"],
    ["user@BÜCHER.example", "user@xn--bcher-kva.example"],
    ["jörg@bücher.example", "jörg@xn--bcher-kva.example"],
    ["user@ｅxample.example", "user@example.example"],
  ])("C37: %s has its domain as A-labels", (address, path) => {
    expect(pathOf(address, "5.1.3")).toBe(path);
  });

  it.each([
    "a@b> SIZE=1", "a@b>", "<a@b>", "a b@x", "a@x y", "a@x\r\nRCPT TO:<c@d>", "a\r\n@x", "a\n@x", "a@x\0", '"a\r\nb"@x',
    '"a\n"@x', "a", "@x", "a@", "", "a@b@c", "@r:a@b", "a@[x>y]", "a@[1 2]", "a@é.example/b", "a@é.example?b", "a@é.example#b",
    "a@é.example%00", "\ud800@x", "a@\ud800.x", "a,b@x", "a@１２７.0.0.1",
  ])("#19: %j is refused", (address) => {
    expect(() => pathOf(address, "5.1.3")).toThrow(/is not|longer/);
  });

  it.each([
    [`${"l".repeat(65)}@x.example`, "local part"],
    [`${"é".repeat(33)}@x.example`, "local part"],
    [`a@${"d".repeat(256)}`, "domain"],
    [`${"l".repeat(60)}@${"d".repeat(194)}`, "254 octets"],
  ])("C10: limits in octets", (address, what) => {
    expect(() => pathOf(address, "5.1.3")).toThrow(what);
  });

  it("#19: whatever is let through is one path and one line", () => {
    const anything = fc.oneof(fc.string({ unit: "binary" }), fc.tuple(fc.string(), fc.string({ unit: "binary" })).map((p) => p.join("@")));
    fc.assert(
      fc.property(anything, (address) => {
        let path = "";
        try {
          path = pathOf(address, "5.1.3");
        } catch {
          return;
        }
        expect([...Buffer.from(path)].filter((byte) => byte < 32 || byte === 127)).toEqual([]);
        expect(path.replace(/^"(?:[^"\\]|\\.)*"/, "")).not.toMatch(/[<> ]/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("envelope: refused before connecting", () => {
  const hostile = "x@y.example\r\nRCPT TO:<victim@z.example>";

  it.each<[string, Parameters<typeof mail>[0], string]>([
    ["sender", { from: hostile }, "5.1.7"],
    ["recipient", { to: [hostile] }, "5.1.3"],
    ["every recipient", { to: [hostile, "a@b> SIZE=1"] }, "5.1.3"],
    ["dsn.ret", { rest: { dsn: JSON.parse('{"ret":"full\\r\\nRSET"}') } }, "5.5.4"],
    ["notify", { to: [{ address: "a@b.example", notify: JSON.parse('["success\\r\\nRSET"]') }] }, "5.5.4"],
  ])("#19: a hostile %s", async (_, parts, status) => {
    await using peer = await modelPeer({ extensions: ALL });
    await using transport = plain(peer);
    const { outcomes } = await transport.send(mail(parts));
    expect(outcomes.every((outcome) => outcome.kind === "rejected" && outcome.status === status)).toBe(true);
    expect(outcomes[0]).toMatchObject({ diagnosis: { phase: "envelope" } });
    expect(JSON.stringify(outcomes.map((o) => ("message" in o ? o.message : "")))).not.toMatch(/[\r\n]/);
    expect(peer.connections.total).toBe(0);
  });

  it("#19: one bad address does not keep the others from their mail", async () => {
    await using peer = await modelPeer();
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ to: ["a@x.example", hostile, "b@x.example"] }));
    expect(kinds(receipt)).toEqual(["accepted", "rejected", "accepted"]);
    expect(peer.messages.map(({ to }) => to.map(({ address }) => address))).toEqual([["a@x.example", "b@x.example"]]);
  });

  it("#19: ENVID and ORCPT are encoded as xtext, and ENVID is refused with a line end", async () => {
    await using peer = await modelPeer({ extensions: ALL });
    await using transport = plain(peer);
    const rest: Omit<Envelope, "from" | "to"> = { dsn: { ret: "hdrs", envid: "a+b=c d" } };
    await transport.send(mail({ rest, to: [{ address: "a@x.example", originalRecipient: "rfc822;a+b@x.example", notify: ["failure", "delay"] }] }));
    expect(peer.messages[0]?.parameters).toEqual(expect.arrayContaining(["RET=HDRS", "ENVID=a+2Bb+3Dc+20d"]));
    expect(peer.messages[0]?.to[0]?.parameters).toEqual(["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;a+2Bb@x.example"]);
    expect(first(await transport.send(mail({ rest: { dsn: { envid: "a\r\nRSET" } } })))).toMatchObject({ kind: "rejected", status: "5.5.4" });
    expect(peer.messages).toHaveLength(1);
  });
});

describe("envelope: MAIL and its parameters", () => {
  it("C18: the null reverse-path", async () => {
    await using peer = await modelPeer();
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ from: "" })))).toEqual(["accepted"]);
    expect(peer.messages[0]?.from).toBe("");
  });

  it("C16: letter case of local parts is kept", async () => {
    await using peer = await modelPeer();
    await using transport = plain(peer);
    await transport.send(mail({ from: "Ann.X@a.example", to: ["BoB@b.example"] }));
    expect(peer.messages[0]).toMatchObject({ from: "Ann.X@a.example", to: [{ address: "BoB@b.example" }] });
  });

  it("U26: postmaster needs no domain", async () => {
    await using peer = await modelPeer();
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ to: ["Postmaster"] })))).toEqual(["accepted"]);
  });

  it("C43: SIZE is declared where the server announces it, with or without a limit", async () => {
    for (const [extension, parameters] of [["SIZE 1000", ["SIZE=22"]], ["SIZE 0", ["SIZE=22"]], ["SIZE", ["SIZE=22"]], ["HELP", []]] as const) {
      await using peer = await modelPeer({ extensions: [extension] });
      await using transport = plain(peer);
      await transport.send(mail());
      expect(peer.messages[0]?.parameters).toEqual(parameters);
    }
  });

  it("C43: a mail over the limit is refused here, and the connection goes on", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "SIZE 100"] });
    await using transport = plain(peer);
    const large = `Subject: x\r\n\r\n${"x".repeat(100)}\r\n`;
    expect(first(await transport.send(mail({ content: large })))).toMatchObject({ kind: "rejected", status: "5.3.4" });
    expect(first(await transport.send(mail({ content: streamed([large], large.length) })))).toMatchObject({ status: "5.3.4" });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.connections.total).toBe(1);
    expect(peer.transcripts[0]?.filter((line) => line.startsWith("C: MAIL"))).toHaveLength(1);
  });

  it("C43: ten thousand mails over the limit do not exhaust the stack", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "SIZE 10"] });
    await using transport = plain(peer);
    const receipts = await Promise.all(Array.from({ length: 10_000 }, () => transport.send(mail())));
    expect(new Set(receipts.flatMap(kinds))).toEqual(new Set(["rejected"]));
  });

  it("C35: BODY=8BITMIME where it is needed and offered, else a permanent refusal", async () => {
    const content = "Subject: x\r\n\r\nGrüße\r\n";
    await using able = await modelPeer({ extensions: ["8BITMIME"] });
    await using toAble = plain(able);
    await toAble.send(mail({ content }));
    await toAble.send(mail());
    expect(able.messages.map(({ parameters }) => parameters)).toEqual([["BODY=8BITMIME"], []]);
    await using unable = await modelPeer({ extensions: PLAIN });
    await using toUnable = plain(unable);
    expect(first(await toUnable.send(mail({ content })))).toMatchObject({ kind: "rejected", status: "5.6.3" });
    expect(first(await toUnable.send(mail({ content: streamed([content]) })))).toMatchObject({ kind: "rejected", status: "5.6.3" });
    expect(kinds(await toUnable.send(mail()))).toEqual(["accepted"]);
    expect(unable.messages).toHaveLength(1);
  });

  it.each<[string, Parameters<typeof mail>[0]]>([
    ["a local part of the sender", { from: "jörg@x.example" }],
    ["a local part of a recipient", { to: ["jörg@x.example"] }],
    ["a header field", { content: "Subject: Grüße\r\n\r\nhi\r\n" }],
    ["the envelope's word", { rest: { smtputf8: true } }],
  ])("C36: SMTPUTF8 is asked for because of %s, or refused with 5.6.7", async (_, parts) => {
    await using able = await modelPeer({ extensions: ALL });
    await using toAble = plain(able);
    expect(kinds(await toAble.send(mail(parts)))).toEqual(["accepted"]);
    expect(able.messages[0]?.parameters).toContain("SMTPUTF8");
    await using unable = await modelPeer({ extensions: ["PIPELINING", "8BITMIME"] });
    await using toUnable = plain(unable);
    expect(first(await toUnable.send(mail(parts)))).toMatchObject({ kind: "rejected", status: "5.6.7" });
    expect(unable.messages).toEqual([]);
  });

  it("C36: not asked for where only the body or a domain is not ASCII", async () => {
    await using peer = await modelPeer({ extensions: ALL });
    await using transport = plain(peer);
    const empty = "\r\nGrüße\r\n\r\n";
    for (const content of ["Subject: x\r\n\r\nGrüße\r\n", empty]) {
      await transport.send(mail({ from: "a@bücher.example", to: ["b@例え.example"], content }));
    }
    for (const { parameters } of peer.messages) expect(parameters).not.toContain("SMTPUTF8");
    expect(peer.messages).toHaveLength(2);
    expect(peer.messages[0]).toMatchObject({ from: "a@xn--bcher-kva.example" });
  });

  it("C36: a header in many small chunks is seen whole", async () => {
    await using peer = await modelPeer({ extensions: ALL });
    await using transport = plain(peer);
    const lines = [...Array.from({ length: 40 }, (_, i) => `X-${i}: a\r\n`), "Subject: é\r\n", "\r\n", "hi\r\n"].map((l) => Buffer.from(l));
    await transport.send(mail({ content: { open: () => lines } }));
    expect(peer.messages[0]?.parameters).toContain("SMTPUTF8");
  });

  it("C37: only the recipient that needs SMTPUTF8 is refused", async () => {
    await using peer = await modelPeer({ extensions: PLAIN });
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ to: ["a@x.example", "jörg@x.example"] }));
    expect(receipt.outcomes).toMatchObject([{ kind: "accepted" }, { kind: "rejected", status: "5.6.7" }]);
  });

  it("C42: DSN parameters only where announced", async () => {
    await using peer = await modelPeer({ extensions: PLAIN });
    await using transport = plain(peer);
    await transport.send(mail({ rest: { dsn: { ret: "full", envid: "1" } }, to: [{ address: "a@x.example", notify: "never" }] }));
    expect(peer.messages).toMatchObject([{ parameters: [], to: [{ parameters: [] }] }]);
  });

  it("C45: REQUIRETLS only over verified TLS to a server that offers it", async () => {
    const certificate = testCertificate();
    const rest = { requireTls: true };
    await using clear = await modelPeer({ extensions: ["REQUIRETLS"] });
    await using toClear = plain(clear);
    expect(first(await toClear.send(mail({ rest })))).toMatchObject({ kind: "rejected", status: "5.7.30" });
    for (const [extensions, kind] of [[["REQUIRETLS"], "accepted"], [[], "rejected"]] as const) {
      await using peer = await modelPeer({ extensions, tls: certificate });
      await using transport = smtp({ host: "localhost", port: peer.port, tls: { ca: certificate.ca } });
      expect(kinds(await transport.send(mail({ rest })))).toEqual([kind]);
    }
    expect(clear.messages).toEqual([]);
  });
});
