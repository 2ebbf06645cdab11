import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import type { Build } from "./support.ts";
import { expectCertainDeferral, expectUncertain, first, kinds, mail, plain, scripted, streamed, TEXT } from "./support.ts";

const upToData: Build = (s) => s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "354 go");
const upToDot: Build = (s) => s.use(upToData).expectData();
const large = (): ReturnType<typeof streamed> => streamed(Array.from({ length: 300 }, () => `${"x".repeat(76)}\r\n`.repeat(1000)));

describe("ambiguous outcomes: after the final dot", () => {
  it.each(["drop", "reset"] as const)("C8 #29: %s before any reply is uncertain", async (how) => {
    await using peer = await scripted((s) => s.use(upToDot)[how]());
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail()));
    expectUncertain(outcome);
    expect(outcome).toMatchObject({ status: "4.4.2", diagnosis: { phase: "final" }, message: expect.stringContaining("may have taken") });
  });

  it("C8 #29: a final reply cut at any byte and then dropped or reset is uncertain until its last byte", async () => {
    const reply = "250-2.0.0 ok\r\n250 2.0.0 id\r\n";
    for (let cut = 0; cut < reply.length; cut += 1) {
      for (const how of cut % 5 === 0 ? (["drop", "reset"] as const) : (["drop"] as const)) {
        await using peer = await scripted((s) => s.use(upToDot).send(reply.slice(0, cut))[how]());
        await using transport = plain(peer);
        expectUncertain(first(await transport.send(mail())));
      }
    }
    await using peer = await scripted((s) => s.use(upToDot).send(reply).drop());
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  it("C8: so is a streamed mail", async () => {
    await using peer = await scripted((s) => s.use(upToDot).drop());
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail({ content: large() })));
    expectUncertain(outcome);
    expect(outcome).toMatchObject({ diagnosis: { phase: "final" } });
    expect("message" in outcome && outcome.message).not.toContain("(body)");
  });

  it("C8: a recipient that was refused before is not uncertain", async () => {
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "550 5.1.1 no", "354 go").expectData().drop(),
    );
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ to: ["a@x.example", "b@x.example"] }));
    expect(receipt.outcomes).toMatchObject([{ kind: "deferred", uncertain: true }, { kind: "rejected", status: "5.1.1" }]);
  });

  it("#30 C9: 421 to the final dot is a certain no, and the connection is closed", async () => {
    await using peer = await scripted((s) => s.use(upToDot).reply("421 4.3.2 going down").expectEnd());
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.3.2", reply: { code: 421 } });
  });

  it("#30 C15: 250 and then a reset is accepted", async () => {
    await using peer = await scripted((s) => s.use(upToDot).reply("250 2.0.0 id").wait(new Promise((r) => setImmediate(r))).reset());
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  it.each<[string, Build]>([
    ["drops", (s) => s.expect("QUIT").drop()], ["resets", (s) => s.expect("QUIT").reset()], ["refuses", (s) => s.expect("QUIT").reply("500 no").expectEnd()],
    ["421s", (s) => s.expect("QUIT").reply("421 bye").expectEnd()],
  ])("C15: QUIT is sent, and a server that then %s changes nothing", async (_, end) => {
    const peer = await scripted((s) => s.use(upToDot).reply("250 ok").use(end));
    const transport = plain(peer);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("C8: a reply to the dot that makes no sense is uncertain", async () => {
    await using peer = await scripted((s) => s.use(upToDot).reply("354 go on").expectEnd());
    await using transport = plain(peer);
    expectUncertain(first(await transport.send(mail())));
  });
});

describe("ambiguous outcomes: before the final dot", () => {
  it.each(["drop", "reset"] as const)("#29: %s in the middle of a streamed body is certain", async (how) => {
    await using peer = await scripted((s) => s.use(upToData).expectBytes(1000)[how]());
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail({ content: large() })));
    expectCertainDeferral(outcome);
  });

  it.each<[string, Build]>([
    ["greeting", (s) => s.drop()], ["EHLO", (s) => s.reply("220 a").expect(/^EHLO/).drop()],
    ["MAIL", (s) => s.greet().expect(/^MAIL/).drop()], ["RCPT", (s) => s.greet().expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).drop()],
    ["DATA", (s) => s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "250 ok").drop()],
  ])("#29: a drop in place of the reply to %s is certain", async (_, build) => {
    await using peer = await scripted(build);
    await using transport = plain(peer);
    expectCertainDeferral(first(await transport.send(mail())));
  });

  it.each<[string, Build]>([
    ["the greeting", (s) => s.reply("421 4.3.2 bye").expectEnd()],
    ["EHLO", (s) => s.reply("220 a").expect(/^EHLO/).reply("421 4.3.2 bye").expectEnd()],
    ["MAIL", (s) => s.greet().expect(/^MAIL/).reply("421 4.3.2 bye").expectEnd()],
    ["RCPT", (s) => s.greet().expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("421 4.3.2 bye").expectEnd()],
    ["DATA", (s) => s.greet().expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("250 ok").expect("DATA").reply("421 4.3.2 bye").expectEnd()],
    ["a pipelined group", (s) => s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "421 4.3.2 bye").expectEnd()],
    ["the body", (s) => s.use(upToData).expectBytes(10).reply("421 4.3.2 bye").ignore()],
  ])("C9: 421 to %s defers, certainly, and nothing more is said", async (what, build) => {
    await using peer = await scripted(build);
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail({ content: what === "the body" ? large() : TEXT })));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.3.2", reply: { code: 421 } });
  });

  it("#28: 550 in the middle of a streamed body is noticed and ends it", async () => {
    let read = 0;
    const content = streamed((function* () {
      for (; read < 100_000; read += 1) yield `${"x".repeat(76)}\r\n`.repeat(100);
    })());
    await using peer = await scripted((s) => s.use(upToData).expectBytes(10_000).reply("552 5.3.4 enough").ignore());
    await using transport = plain(peer);
    expect(first(await transport.send(mail({ content })))).toMatchObject({ kind: "rejected", status: "5.3.4", reply: { code: 552 } });
    expect(read).toBeLessThan(100_000);
  });

  it("#28: 250 in the middle of a body is uncertain", async () => {
    await using peer = await scripted((s) => s.use(upToData).expectBytes(10).reply("250 thanks").ignore());
    await using transport = plain(peer);
    expectUncertain(first(await transport.send(mail({ content: large() }))));
  });

  it.each<[string, () => Iterable<string> | AsyncIterable<string>, number | undefined, string]>([
    ["throws at once", () => { throw new Error("gone"); }, undefined, "4.3.0"],
    ["throws in the middle", async function* () { yield "Subject: x\r\n"; throw new Error("gone"); }, undefined, "4.3.0"],
    ["yields less than its size", async function* () { yield "Subject: x\r\n"; }, 100, "4.6.0"],
    ["yields more than its size", async function* () { for (;;) yield "Subject: x\r\n"; }, 100, "4.6.0"],
    ["throws synchronously in the middle", function* () { yield "Subject: x\r\n"; throw new Error("gone"); }, undefined, "4.3.0"],
  ])("#10: content that %s is deferred without a final dot, and the others go on", async (_, open, size, status) => {
    await using peer = await modelPeer({ extensions: ["PIPELINING"] });
    await using transport = plain(peer);
    const content = {
      ...(size !== undefined && { size }),
      open: () => {
        const chunks = open();
        if (Symbol.iterator in chunks) return Array.from(chunks, (chunk) => Buffer.from(chunk));
        return streamed(chunks).open();
      },
    };
    const receipts = await Promise.all([transport.send(mail({ content })), transport.send(mail()), transport.send(mail())]);
    expectCertainDeferral(first(receipts[0]));
    expect(first(receipts[0])).toMatchObject({ status, message: expect.stringMatching(/gone|bytes/) });
    expect(receipts.slice(1).flatMap(kinds)).toEqual(["accepted", "accepted"]);
    expect(peer.messages).toHaveLength(2);
  });
});
