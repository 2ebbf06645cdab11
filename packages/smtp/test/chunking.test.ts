import type { Receipt } from "@postroad/core";
import type { ModelPeer, Moment, Reaction } from "@postroad/testing/peer";
import { modelPeer, scriptedPeer } from "@postroad/testing/peer";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Build } from "./support.ts";
import { FROM, TEXT, TO, expectCertainDeferral, expectUncertain, first, kinds, mail, plain, scripted, streamed } from "./support.ts";

type Script = Parameters<Build>[0];

const EXTENSIONS = ["PIPELINING", "CHUNKING", "8BITMIME"];
const MAIL = `MAIL FROM:<${FROM}>`;
const RCPT = `RCPT TO:<${TO}>`;
const SIZE = TEXT.length;

/** One mail in one group, answered at once. */
const taken: Build = (s) => s.expectGroup(MAIL, RCPT).expectBdat({ size: SIZE, last: true }).reply("250 ok", "250 ok", "250 ok");

/** What a mail behind others looks like. */
const behind: Build = (s) => s.expectGroup("RSET", MAIL, RCPT).expectBdat({ size: SIZE, last: true });

/** Mails one after the other, so that the window opens: 1, 2, 4, 8, 16. */
async function warm(send: () => Promise<Receipt>, count: number = 4): Promise<void> {
  for (let index = 0; index < count; index += 1) expect(kinds(await send())).toEqual(["accepted"]);
}

/** How many mails came between replies, without what came before the first mail. */
function mailsByGroup(peer: ModelPeer): readonly number[] {
  const groups = peer.transcripts.flat().join("\n").split(/(?:\nS: .*)+/);
  return groups.map((group) => group.match(/^C: MAIL/gm)?.length ?? 0).filter((count) => count > 0);
}

function large(size: number): string {
  const line = `.${"x".repeat(97)}\r\n`;
  return `Subject: large\r\n\r\n${line.repeat(Math.ceil(size / line.length))}`;
}

describe("chunking: on the wire (C33)", () => {
  it("C33: MAIL, RCPT and BDAT LAST in one group, exact octets, dots as they are", async () => {
    const content = "Subject: dots\r\n\r\n.\r\n..\r\n.end\r\n";
    await using peer = await scripted((s) =>
      s
        .greet(...EXTENSIONS)
        .expectGroup(MAIL, RCPT, "RCPT TO:<cid@b.example>").expectBdat({ size: content.length, last: true }).expectSilence()
        .reply("250 ok", "250 ok", "550 5.1.1 no", "250 2.6.0 queued"),
    );
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ content, to: [TO, "cid@b.example"] }));
    expect(receipt.outcomes).toMatchObject([{ kind: "accepted", reply: { text: "2.6.0 queued" } }, { kind: "rejected", status: "5.1.1" }]);
    expect(peer.sessions[0]?.messages[0]?.content.toString()).toBe(content);
  });

  it("C33: no CRLF is added where the last line has none: the octets are what they are", async () => {
    const content = "Subject: x\r\n\r\nno end";
    await using peer = await scripted((s) => s.greet(...EXTENSIONS).expectGroup(MAIL, RCPT).expectBdat({ size: content.length, last: true }).reply("250 a", "250 b", "250 c"));
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ content })))).toEqual(["accepted"]);
  });

  it("C33: an empty message is BDAT 0 LAST", async () => {
    await using peer = await modelPeer({ extensions: EXTENSIONS });
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ content: "" })))).toEqual(["accepted"]);
    expect(peer.messages[0]?.content.length).toBe(0);
  });

  it("C33: DATA where CHUNKING is not offered, or PIPELINING is not, or the options say so", async () => {
    for (const [extensions, options] of [[["PIPELINING"], {}], [["CHUNKING"], {}], [EXTENSIONS, { chunking: false }], [EXTENSIONS, { pipelining: false }]] as const) {
      await using peer = await modelPeer({ extensions, on: ({ step, line }) => (step === "bdat" || line.startsWith("BDAT") ? "451 4.3.0 unwanted" : undefined) });
      await using transport = plain(peer, options);
      expect((await Promise.all([mail(), mail(), mail()].map((each) => transport.send(each)))).flatMap(kinds)).toEqual(["accepted", "accepted", "accepted"]);
      expect(peer.transcripts.flat().some((line) => line.startsWith("C: BDAT"))).toBe(false);
      expect(peer.violations).toEqual([]);
    }
  });

  it("C29: with chunking switched off the next envelope still rides behind the final dot", async () => {
    const [one, two] = [mail(), mail()];
    await using peer = await scripted((s) =>
      s
        .greet(...EXTENSIONS).expectGroup(/^MAIL/, RCPT, "DATA").reply("250 ok", "250 ok", "354 go")
        .expectData().expectGroup(/^MAIL/, RCPT, "DATA").reply("250 taken", "250 ok", "250 ok", "354 go").expectData().reply("250 taken"),
    );
    await using transport = plain(peer, { chunking: false });
    expect((await Promise.all([one, two].map((each) => transport.send(each)))).flatMap(kinds)).toEqual(["accepted", "accepted"]);
  });

  it("C34 C35: 8-bit goes as BODY=8BITMIME, and never as BINARYMIME", async () => {
    const content = "Subject: x\r\n\r\nGrüße\r\n";
    await using peer = await scripted((s) =>
      s
        .greet(...EXTENSIONS, "BINARYMIME", "SIZE")
        .expectGroup(`${MAIL} SIZE=${Buffer.byteLength(content)} BODY=8BITMIME`, RCPT).expectBdat({ size: Buffer.byteLength(content), last: true })
        .reply("250 a", "250 b", "250 c"),
    );
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ content })))).toEqual(["accepted"]);
    expect(peer.sessions[0]?.messages[0]?.content.toString()).toBe(content);
  });

  it("C34 C35: BINARYMIME is no way around a server without 8BITMIME", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "CHUNKING", "BINARYMIME"] });
    await using transport = plain(peer);
    expect((await transport.send(mail({ content: "Subject: x\r\n\r\nGrüße\r\n" }))).outcomes).toMatchObject([{ kind: "rejected", status: "5.6.3" }]);
    expect((await transport.send(mail({ content: streamed(["Subject: x\r\n\r\nGrü", "ße\r\n"]) }))).outcomes).toMatchObject([{ kind: "rejected", status: "5.6.3" }]);
    expect(peer.messages).toEqual([]);
  });
});

describe("chunking: large and streamed contents", () => {
  it.each([65_536, 65_537, 300_000, 2_000_000])("C33: %i bytes in memory arrive as they are", async (size) => {
    const content = large(size);
    await using peer = await modelPeer({ extensions: EXTENSIONS });
    await using transport = plain(peer);
    const receipts = await Promise.all([mail({ content }), mail(), mail({ content })].map((each) => transport.send(each)));
    expect(receipts.flatMap(kinds)).toEqual(["accepted", "accepted", "accepted"]);
    expect(peer.messages.map((message) => message.content.toString() === content)).toEqual([true, false, true]);
    expect(peer.violations).toEqual([]);
    expect(peer.transcripts.flat().filter((line) => line === "C: DATA")).toEqual([]);
  });

  it("C33: once a chunk was taken, up to 256 KiB go behind the envelope in one", async () => {
    const [most, more] = [256 * 1024, 256 * 1024 + 1].map((size) => large(size).slice(0, size - 2).concat("\r\n"));
    await using peer = await scripted((s) =>
      s
        .greet(...EXTENSIONS).use(taken)
        .expectGroup(MAIL, RCPT).expectBdat({ size: most?.length ?? 0, last: true }).reply("250 ok", "250 ok", "250 ok")
        .expectGroup(MAIL, RCPT).expectSilence().reply("250 ok", "250 ok")
        .expectBdat({ size: more?.length ?? 0, last: false }).expectBdat({ size: 0, last: true }).reply("250 ok", "250 ok"),
    );
    await using transport = plain(peer);
    await warm(() => transport.send(mail()), 1);
    for (const content of [most, more]) expect(kinds(await transport.send(mail({ content: content ?? "" })))).toEqual(["accepted"]);
    expect(peer.sessions[0]?.messages.slice(1).map((message) => message.content.length)).toEqual([256 * 1024, 256 * 1024 + 1]);
  });

  it("C33: many small chunks of a stream are gathered", async () => {
    const content = large(200_000);
    const pieces = content.match(/[^]{1,7}/g) ?? [];
    await using peer = await modelPeer({ extensions: EXTENSIONS });
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ content: streamed(pieces) })))).toEqual(["accepted"]);
    expect(peer.messages[0]?.content.toString()).toBe(content);
    const chunks = peer.transcripts.flat().filter((line) => line.startsWith("C: BDAT"));
    expect(chunks).toHaveLength(5);
    expect(chunks.at(-1)).toBe("C: BDAT 0 LAST");
  });

  it("C33: nothing of a large mail is sent where nobody is there to get it", async () => {
    await using peer = await scripted((s) =>
      s
        .greet(...EXTENSIONS).expectGroup(MAIL, RCPT).reply("250 ok", "550 5.1.1 no")
        .expect("RSET").reply("250 reset").expectGroup(MAIL, RCPT).expectBdat({ size: SIZE, last: true }).reply("250 ok", "250 ok", "250 ok"),
    );
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ content: large(100_000) })))).toEqual(["rejected"]);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  it("a content that fails half-way: RSET, certain, and the connection serves the next", async () => {
    async function* broken(): AsyncGenerator<string> {
      yield large(70_000);
      throw new Error("disk on fire");
    }
    await using peer = await modelPeer({ extensions: EXTENSIONS });
    await using transport = plain(peer);
    const outcomes = await Promise.all([mail({ content: streamed(broken()) }), mail()].map((each) => transport.send(each)));
    expectCertainDeferral(first(outcomes[0] ?? { mail: "", outcomes: [] }));
    expect(outcomes.flatMap(kinds)).toEqual(["deferred", "accepted"]);
    expect(peer.messages).toHaveLength(1);
    expect(peer.connections.total).toBe(1);
    expect(peer.violations).toEqual([]);
    expect(peer.transcripts.flat()).toContain("C: RSET");
  });

  it.each([["452 4.3.1 full", "deferred"], ["552 5.3.4 too large", "rejected"]])("C33: a chunk refused half-way (%s) stops the rest", async (reply, kind) => {
    let chunks = 0;
    let gate: (() => void) | undefined;
    const refused = new Promise<void>((resolve) => (gate = resolve));
    async function* slow(): AsyncGenerator<string> {
      yield large(70_000);
      yield large(70_000);
      await refused;
      for (let index = 0; index < 100; index += 1) {
        await turn();
        yield large(70_000);
      }
    }
    const on = async ({ step }: Moment): Promise<Reaction> => {
      if (step !== "bdat" || ++chunks !== 2) return undefined;
      gate?.();
      return reply;
    };
    await using peer = await modelPeer({ extensions: EXTENSIONS, on });
    await using transport = plain(peer);
    const receipts = await Promise.all([mail({ content: streamed(slow()) }), mail()].map((each) => transport.send(each)));
    expect(receipts.flatMap(kinds)).toEqual([kind, "accepted"]);
    expect(receipts[0]?.outcomes).toMatchObject([{ reply: { code: Number(reply.slice(0, 3)) }, diagnosis: { phase: "body" } }]);
    expect(chunks).toBeLessThan(20);
    expect(peer.messages).toHaveLength(1);
    expect(peer.connections.total).toBe(1);
  });

  it("C33: a chunk refused after LAST was written decides, not the reply to LAST", async () => {
    const content = large(100_000);
    await using peer = await scripted((s) =>
      s
        .greet(...EXTENSIONS).expectGroup(MAIL, RCPT).reply("250 ok", "250 ok")
        .expectBdat({ last: false }).expectBdat({ size: 0, last: true }).reply("552 5.3.4 too large", "503 5.5.1 what"),
    );
    await using transport = plain(peer);
    expect((await transport.send(mail({ content }))).outcomes).toMatchObject([{ kind: "rejected", status: "5.3.4" }]);
  });

  it("C33: a chunk refused and the last one taken: nobody knows what it has", async () => {
    await using peer = await scripted((s) =>
      s.greet(...EXTENSIONS).expectGroup(MAIL, RCPT).reply("250 ok", "250 ok").expectBdat({ last: false }).expectBdat({ size: 0, last: true }).reply("452 4.3.1 full", "250 taken").ignore(),
    );
    await using transport = plain(peer);
    expectUncertain(first(await transport.send(mail({ content: large(100_000) }))));
  });

  it.each(["354 go", "300 what"])("C33: %s to a chunk breaks the protocol", async (reply) => {
    await using peer = await scripted((s) => s.greet(...EXTENSIONS).expectGroup(/^MAIL/, RCPT).reply("250 ok", "250 ok").expectBdat({ last: false }).reply(reply).ignore());
    await using transport = plain(peer);
    const gate = new Promise<never>(() => undefined);
    async function* stalls(): AsyncGenerator<string> {
      yield large(70_000);
      await gate;
    }
    const outcome = first(await transport.send(mail({ content: streamed(stalls()) })));
    expectCertainDeferral(outcome);
    expect(outcome.status).toBe("4.5.0");
  });
});

describe("chunking: the window", () => {
  it.each([[1, 2], [2, 4], [3, 8], [4, 16], [5, 16]])("C33: after %i mails that were taken, %i go out at once", async (before, window) => {
    await using peer = await modelPeer({ extensions: EXTENSIONS });
    await using transport = plain(peer);
    await warm(() => transport.send(mail()), before);
    const sends = Array.from({ length: 20 }, () => transport.send(mail()));
    expect(transport.stats()).toMatchObject({ sending: window, waiting: 20 - window });
    expect((await Promise.all(sends)).flatMap(kinds)).toEqual(Array.from({ length: 20 }, () => "accepted"));
  });

  it("C33: with 1 MiB unanswered no further mail goes out", async () => {
    const content = large(200_000);
    await using peer = await modelPeer({ extensions: EXTENSIONS });
    await using transport = plain(peer);
    await warm(() => transport.send(mail()));
    const sends = Array.from({ length: 10 }, () => transport.send(mail({ content })));
    expect(transport.stats()).toMatchObject({ sending: 6, waiting: 4 });
    expect((await Promise.all(sends)).flatMap(kinds)).toEqual(Array.from({ length: 10 }, () => "accepted"));
    expect(peer.messages.slice(4).every((message) => message.content.toString() === content)).toBe(true);
  });

  it.each([1, 3])("C33: window: %i is never exceeded", async (window) => {
    await using peer = await modelPeer({ extensions: EXTENSIONS });
    await using transport = plain(peer, { window });
    const receipts = await Promise.all(Array.from({ length: 20 }, () => transport.send(mail())));
    expect(receipts.flatMap(kinds)).toEqual(Array.from({ length: 20 }, () => "accepted"));
    expect(Math.max(...mailsByGroup(peer))).toBeLessThanOrEqual(window);
  });

  /** Ten mails in one window, of which number five (from 0: 4) meets `on`. */
  async function tenInFlight(on: (moment: Moment) => Reaction | Promise<Reaction>): Promise<{ receipts: readonly Receipt[]; sent: readonly string[]; connections: number }> {
    let armed = false;
    await using peer = await modelPeer({ extensions: EXTENSIONS, on: (moment) => (armed ? on(moment) : undefined), recipients: { "no@b.example": "550 5.1.1 no" } });
    await using transport = plain(peer);
    await warm(() => transport.send(mail()));
    armed = true;
    const before = peer.messages.length;
    const mails = Array.from({ length: 10 }, (_, index) => mail({ from: `s${index}@a.example`, to: [`r${index}@b.example`, ...(index === 4 ? ["no@b.example"] : [])], content: `Subject: ${index}\r\n\r\n` }));
    const receipts = await Promise.all(mails.map((each) => transport.send(each)));
    expect(peer.violations).toEqual([]);
    const sent = peer.messages.slice(before).map(({ from, to, content }) => `${from} ${to.map(({ address }) => address).join()} ${content.toString().slice(9, 10)}`);
    return { receipts, sent, connections: peer.connections.total };
  }

  const all = Array.from({ length: 10 }, (_, index) => `s${index}@a.example r${index}@b.example ${index}`);
  const others = all.toSpliced(4, 1);
  const isFifth = ({ from, line }: Moment): boolean => from === "s4@a.example" || line.includes("s4@");

  it("C33 C13: a refused recipient in the middle", async () => {
    const { receipts, sent, connections } = await tenInFlight(() => undefined);
    expect(receipts.map(kinds).map(String)).toEqual(["accepted", "accepted", "accepted", "accepted", "accepted,rejected", "accepted", "accepted", "accepted", "accepted", "accepted"]);
    expect(sent).toEqual(all);
    expect(connections).toBe(1);
  });

  const middles: readonly (readonly [string, (moment: Moment) => Reaction, string])[] = [
    ["C33: all recipients refused", (moment) => (isFifth(moment) && moment.step === "rcpt" ? "550 5.1.1 no" : undefined), "rejected"],
    ["C33: all recipients deferred", (moment) => (isFifth(moment) && moment.step === "rcpt" ? "450 4.2.1 no" : undefined), "deferred"],
    ["C33: MAIL rejected", (moment) => (isFifth(moment) && moment.step === "mail" ? "550 5.7.1 no" : undefined), "rejected"],
    ["C33: MAIL deferred", (moment) => (isFifth(moment) && moment.step === "mail" ? "451 4.3.0 no" : undefined), "deferred"],
    ["C33: BDAT rejected", (moment) => (isFifth(moment) && moment.step === "message" ? "554 5.7.1 spam" : undefined), "rejected"],
    ["C33: BDAT deferred", (moment) => (isFifth(moment) && moment.step === "message" ? "451 4.3.0 later" : undefined), "deferred"],
    ["C33: BDAT refused with a code that says unknown, from a server that knows it", (moment) => (isFifth(moment) && moment.step === "message" ? "500 5.5.2 what" : undefined), "rejected"],
  ];

  it.each(middles)("%s in the middle: nobody else loses, doubles or gets another's envelope", async (_, on, kind) => {
    const { receipts, sent, connections } = await tenInFlight(on);
    expect(receipts.map((receipt) => kinds(receipt)[0])).toEqual(Array.from({ length: 10 }, (__, index) => (index === 4 ? kind : "accepted")));
    expect(sent).toEqual(others);
    expect(connections).toBe(1);
  });

  it("C33: MAIL answered with 503 is sent again, once", async () => {
    let refusals = 0;
    const { receipts, sent } = await tenInFlight((moment) => (isFifth(moment) && moment.step === "mail" && (refusals += 1) === 1 ? "503 5.5.1 nested" : undefined));
    expect(receipts.map((receipt) => kinds(receipt)[0])).toEqual(Array.from({ length: 10 }, () => "accepted"));
    expect(sent.toSorted()).toEqual(all);
    expect(refusals).toBe(2);
  });

  it("C33: MAIL answered with 503 again is rejected", async () => {
    const { receipts, sent } = await tenInFlight((moment) => (isFifth(moment) && moment.step === "mail" ? "503 5.5.1 nested" : undefined));
    expect(receipts.map((receipt) => kinds(receipt)[0])).toEqual(Array.from({ length: 10 }, (_, index) => (index === 4 ? "rejected" : "accepted")));
    expect(sent).toEqual(others);
  });

  it.each(["before", "mid", "after"] as const)("#29: the line dropped %s a reply in the middle: in flight uncertain, waiting sent afresh", async (drop) => {
    let armed = false;
    let answered = 0;
    const on = ({ step }: Moment): Reaction => (armed && step === "message" && (answered += 1) === 3 ? { drop } : undefined);
    await using peer = await modelPeer({ extensions: EXTENSIONS, on });
    await using transport = plain(peer);
    await warm(() => transport.send(mail()));
    armed = true;
    const mails = Array.from({ length: 30 }, (_, index) => mail({ to: [`r${index}@b.example`] }));
    const receipts = await Promise.all(mails.map((each) => transport.send(each)));
    const uncertain = receipts.filter(({ outcomes }) => outcomes.some((outcome) => "uncertain" in outcome && outcome.uncertain));
    expect(uncertain.length).toBeGreaterThan(10);
    expect(uncertain.length).toBeLessThanOrEqual(16);
    for (const { outcomes } of uncertain) for (const outcome of outcomes) expectUncertain(outcome);
    const arrived = peer.messages.slice(4).flatMap(({ to }) => to.map(({ address }) => address));
    expect(new Set(arrived).size).toBe(arrived.length);
    const accepted = receipts.flatMap(({ outcomes }) => outcomes.filter(({ kind }) => kind === "accepted").map(({ recipient }) => recipient));
    expect(arrived).toEqual(expect.arrayContaining(accepted));
    expect(accepted.length + uncertain.length).toBe(30);
    expect(peer.connections.total).toBe(2);
  });

  it("C9: 421 in place of a reply: that mail is certain, those behind it are not", async () => {
    let armed = false;
    const on = ({ step, from }: Moment): Reaction => (armed && step === "message" && from === "s1@a.example" ? { drop: "after", reply: "421 4.3.2 bye" } : undefined);
    await using peer = await modelPeer({ extensions: EXTENSIONS, on });
    await using transport = plain(peer);
    await warm(() => transport.send(mail()));
    armed = true;
    const receipts = await Promise.all([0, 1, 2].map((index) => transport.send(mail({ from: `s${index}@a.example` }))));
    expect(receipts.map((receipt) => kinds(receipt)[0])).toEqual(["accepted", "deferred", "deferred"]);
    expect(receipts[1]?.outcomes[0]).toMatchObject({ reply: { code: 421 } });
    expectUncertain(first(receipts[2] ?? { mail: "", outcomes: [] }));
  });

  it("C33: a refused chunk of a stream settles the mail at once, with few chunks behind it", async () => {
    let chunks = 0;
    const on = ({ step }: Moment): Reaction => (step === "bdat" && (chunks += 1) > 1 ? "552 5.3.4 too large" : undefined);
    await using peer = await modelPeer({ extensions: EXTENSIONS, on });
    await using transport = plain(peer);
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from("Subject: endless\r\n\r\n");
      for (;;) yield Buffer.from(`${"x".repeat(70)}\r\n`.repeat(2000));
    }
    const outcome = first(await transport.send({ ...mail(), content: { open: endless } }));
    expect(outcome).toMatchObject({ kind: "rejected", status: "5.3.4", reply: { code: 552 } });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "accepted" });
    expect(chunks).toBeLessThanOrEqual(6);
    expect(peer.connections.total).toBe(1);
  });

  it("a large mail among small ones keeps its turn", async () => {
    const content = large(150_000);
    await using peer = await modelPeer({ extensions: EXTENSIONS });
    await using transport = plain(peer);
    await warm(() => transport.send(mail()));
    const receipts = await Promise.all([mail(), mail({ content }), mail(), mail({ content: streamed([content]) }), mail()].map((each) => transport.send(each)));
    expect(receipts.flatMap(kinds)).toEqual(Array.from({ length: 5 }, () => "accepted"));
    expect(peer.messages.slice(4).map((message) => message.content.length)).toEqual([SIZE, content.length, SIZE, content.length, SIZE]);
    expect(peer.connections.total).toBe(1);
  });
});

describe("chunking: a server that announces it and does not know it", () => {
  /** Reads BDAT as a line it does not know, and what follows as more of them. */
  const ignorant = (code: number): Build => (s) =>
    s.greet(...EXTENSIONS).expectGroup(MAIL, RCPT).reply("250 ok", "250 ok").expect(/^BDAT/).reply(`${code} 5.5.1 what is BDAT?`).ignore();
  const byData: Build = (s) => s.expectGroup(MAIL, RCPT, "DATA").reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok");

  it.each([500, 502, 504])("C33: BDAT answered with %i: DATA from then on, exactly once", async (code) => {
    await using peer = await scriptedPeer();
    peer.session(ignorant(code));
    peer.session((s) => s.greet(...EXTENSIONS).use(byData).use(byData));
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.sessions[1]?.messages.map(({ content }) => content.toString())).toEqual([TEXT, TEXT]);
  });

  it("C33: also where the first mail is large", async () => {
    const content = large(100_000);
    await using peer = await scriptedPeer();
    peer.session((s: Script) => s.greet(...EXTENSIONS).expectGroup(MAIL, RCPT).reply("250 ok", "250 ok").expect(/^BDAT/).reply("500 5.5.1 what is BDAT?").ignore());
    peer.session((s) => s.greet(...EXTENSIONS).expectGroup(MAIL, RCPT, "DATA").reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok"));
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ content })))).toEqual(["accepted"]);
    expect(peer.sessions[1]?.messages.map((message) => message.content.toString() === content)).toEqual([true]);
  });

  it("C33: remembered by every connection of the pool", async () => {
    await using peer = await modelPeer({ extensions: EXTENSIONS, on: ({ step }) => (step === "bdat" ? { drop: "after", reply: "502 5.5.1 no" } : undefined) });
    await using transport = plain(peer, { pool: 3 });
    const receipts = await Promise.all(Array.from({ length: 12 }, () => transport.send(mail({ content: streamed([TEXT]) }))));
    expect(receipts.flatMap(kinds)).toEqual(Array.from({ length: 12 }, () => "accepted"));
    expect(peer.messages).toHaveLength(12);
    const late = await transport.send(mail({ content: streamed([TEXT]) }));
    expect(kinds(late)).toEqual(["accepted"]);
    expect(peer.connections.most).toBeLessThanOrEqual(3);
  });
});

describe("chunking: abort and deadline (#34)", () => {
  it("#34: aborted in the window: what is on its way keeps its outcome", async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    let armed = false;
    await using peer = await modelPeer({ extensions: EXTENSIONS, on: async ({ step }) => (armed && step === "mail" ? gate.then(() => undefined) : undefined) });
    await using transport = plain(peer);
    await warm(() => transport.send(mail()));
    armed = true;
    const controller = new AbortController();
    const sends = Array.from({ length: 3 }, () => transport.send(mail(), { signal: controller.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    go();
    expect((await Promise.all(sends)).flatMap(kinds)).toEqual(["accepted", "accepted", "accepted"]);
    expect(peer.messages).toHaveLength(7);
  });

  it("#34: aborted while it waits behind a full window: never sent", async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    await using peer = await modelPeer({ extensions: EXTENSIONS, on: async ({ step }) => (step === "mail" ? gate.then(() => undefined) : undefined) });
    await using transport = plain(peer, { window: 1 });
    const one = transport.send(mail());
    const controller = new AbortController();
    const two = transport.send(mail(), { signal: controller.signal });
    const three = transport.send(mail());
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expectCertainDeferral(first(await two));
    go();
    expect([await one, await three].flatMap(kinds)).toEqual(["accepted", "accepted"]);
    expect(peer.messages).toHaveLength(2);
  });

  it("#34: aborted while a large mail is being sent: certain, and the next is served", async () => {
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<string> {
      for (let index = 0; ; index += 1) {
        if (index === 3) controller.abort();
        yield large(70_000);
      }
    }
    await using peer = await modelPeer({ extensions: EXTENSIONS });
    await using transport = plain(peer);
    const stopped = transport.send(mail({ content: streamed(endless()) }), { signal: controller.signal });
    const next = transport.send(mail());
    expectCertainDeferral(first(await stopped));
    expect(kinds(await next)).toEqual(["accepted"]);
    expect(peer.messages).toHaveLength(1);
  });

  it("#34: aborted after the last chunk: the server decides", async () => {
    const controller = new AbortController();
    await using peer = await modelPeer({ extensions: EXTENSIONS, on: ({ step }) => void (step === "message" && controller.abort()) });
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ content: large(100_000) }), { signal: controller.signal }))).toEqual(["accepted"]);
  });

  it("C7: the deadline passes with several in flight: all of them uncertain, the next served", async () => {
    await using peer = await scriptedPeer();
    peer.session((s) => s.greet(...EXTENSIONS).use(taken).use((x) => x.expectGroup(MAIL, RCPT).expectBdat({ last: true })).use(behind).ignore());
    await using transport = plain(peer, { deadline: 300, timeouts: { command: 200, final: 200 } });
    await warm(() => transport.send(mail()), 1);
    const receipts = await Promise.all([transport.send(mail()), transport.send(mail())]);
    for (const receipt of receipts) expectUncertain(first(receipt));
  });
});

describe("chunking: a transaction left open", () => {
  it("C12 C33: is ended before the next message goes out, since that would not wait", async () => {
    await using peer = await scripted((s) =>
      s.greet("PIPELINING", "CHUNKING").expectGroup(/^MAIL/, /^RCPT/).reply("250 ok", "250 ok").expect(/^BDAT 65536$/).expectBytes(65536).reply("250 ok")
        .expect("RSET").expectSilence().reply("250 ok").expectGroup(/^MAIL/, /^RCPT/).reply("250 ok", "250 ok").expectBdat({ last: true }).reply("250 ok"),
    );
    await using transport = plain(peer, { pool: 1 });
    async function* breaking(): AsyncGenerator<Buffer> {
      yield Buffer.from(`Subject: x\r\n\r\n`.padEnd(14).concat("x\r\n".repeat(30_000))).subarray(0, 65_536);
      throw new Error("the source broke");
    }
    expect(first(await transport.send({ ...mail(), content: { open: breaking } }))).toMatchObject({ kind: "deferred", status: "4.3.0" });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "accepted" });
  });
});
