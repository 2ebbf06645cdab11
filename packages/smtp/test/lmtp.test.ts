import type { ScriptedPeer } from "@postroad/testing/peer";
import { scriptedPeer } from "@postroad/testing/peer";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { SmtpOptions, SmtpTransport } from "../src/index.ts";
import { lmtp } from "../src/index.ts";
import type { Build } from "./support.ts";
import { FROM, expectCertainDeferral, expectUncertain, first, kinds, mail, scripted, thrownBy } from "./support.ts";

const MAIL = `MAIL FROM:<${FROM}>`;
const TO = ["a@x.example", "b@x.example", "c@x.example"] as const;
const RCPTS = TO.map((address) => `RCPT TO:<${address}>`);

function over(peer: { readonly port: number }, options: Partial<SmtpOptions> = {}): SmtpTransport {
  return lmtp({ host: "127.0.0.1", port: peer.port, name: "client.example", pool: 1, ...options });
}

/** LHLO, never EHLO (RFC 2033 §4.1). */
function greeted(...extensions: readonly string[]): Build {
  const lines = ["store", ...extensions];
  return (s) => s.reply("220 store LMTP").expect("LHLO client.example").reply(...lines.map((line, index) => `250${index === lines.length - 1 ? " " : "-"}${line}`));
}

/** One mail to all three, up to the final dot. */
const sent: Build = (s) => s.expectGroup(MAIL, ...RCPTS, "DATA").reply("250 ok", "250 ok", "250 ok", "250 ok", "354 go").expectData();

/** The same behind another mail: RSET first. */
const sentNext: Build = (s) => s.expectGroup("RSET", MAIL, ...RCPTS, "DATA").reply("250 ok", "250 ok", "250 ok", "250 ok", "250 ok", "354 go").expectData();

describe("lmtp: one outcome per recipient (X7, X8)", () => {
  it("X7 X9: LHLO, and a reply for each accepted recipient after the dot, in order", async () => {
    await using peer = await scripted((s) => s.use(greeted("PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME")).use(sent).reply("250 2.0.0 a", "250 2.1.5 b", "250 2.6.0 c"));
    await using transport = over(peer);
    expect((await transport.send(mail({ to: TO }))).outcomes).toMatchObject([
      { recipient: "a@x.example", kind: "accepted", status: "2.0.0", reply: { text: "2.0.0 a" } },
      { recipient: "b@x.example", kind: "accepted", status: "2.1.5" },
      { recipient: "c@x.example", kind: "accepted", status: "2.6.0" },
    ]);
  });

  it("X7: a recipient refused before the dot has no reply after it", async () => {
    await using peer = await scripted((s) =>
      s.use(greeted("PIPELINING")).expectGroup(MAIL, ...RCPTS, "DATA").reply("250 ok", "250 ok", "550 5.1.1 no", "250 ok", "354 go").expectData().reply("250 a", "452 4.2.2 c is full"),
    );
    await using transport = over(peer);
    expect((await transport.send(mail({ to: TO }))).outcomes).toMatchObject([
      { recipient: "a@x.example", kind: "accepted" }, { recipient: "b@x.example", kind: "rejected", status: "5.1.1" }, { recipient: "c@x.example", kind: "deferred", status: "4.2.2" },
    ]);
  });

  it("X8: partial: 250, 452 and 550 stand side by side, and the connection goes on", async () => {
    await using peer = await scripted((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "452 4.2.2 full", "550 5.2.1 off").use(sentNext).reply("550 a", "250 b", "250 c"));
    await using transport = over(peer);
    const receipts = [await transport.send(mail({ to: TO })), await transport.send(mail({ to: TO }))];
    expect(receipts.map(kinds)).toEqual([["accepted", "deferred", "rejected"], ["rejected", "accepted", "accepted"]]);
  });

  it("X8: 503 to DATA where no recipient was accepted", async () => {
    await using peer = await scripted((s) =>
      s.use(greeted("PIPELINING")).expectGroup(MAIL, ...RCPTS, "DATA").reply("250 ok", "550 5.1.1 a", "450 4.2.0 b", "550 5.1.1 c", "503 5.5.1 nobody").expectGroup("RSET", MAIL, ...RCPTS, "DATA")
        .reply("250 ok", "250 ok", "250 ok", "250 ok", "250 ok", "354 go").expectData().reply("250 a", "250 b", "250 c"),
    );
    await using transport = over(peer);
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["rejected", "deferred", "rejected"]);
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["accepted", "accepted", "accepted"]);
  });

  it("X8 C30: 354 although no recipient was accepted: nothing is sent, and no reply waited for", async () => {
    await using peer = await scripted((s) =>
      s.use(greeted("PIPELINING")).expectGroup(MAIL, ...RCPTS, "DATA").reply("250 ok", "550 5.1.1 a", "550 5.1.1 b", "550 5.1.1 c", "354 go").expectEnd(),
    );
    await using transport = over(peer);
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["rejected", "rejected", "rejected"]);
  });

  it("X7: line by line where PIPELINING is not offered", async () => {
    await using peer = await scripted((s) => {
      s.use(greeted("8BITMIME"));
      for (const line of [MAIL, ...RCPTS]) s.expect(line).expectSilence().reply("250 ok");
      return s.expect("DATA").reply("354 go").expectData().reply("250 a", "250 b", "452 c");
    });
    await using transport = over(peer);
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["accepted", "accepted", "deferred"]);
  });

  it("X7 #35: the next envelope waits for the replies of all recipients, and begins with RSET", async () => {
    await using peer = await scripted((s) =>
      s
        .use(greeted("PIPELINING")).use(sent).expectSilence().reply("250 a", "550 b").expectSilence().reply("250 c")
        .expectGroup("RSET", MAIL, "RCPT TO:<d@x.example>", "DATA").reply("250 ok", "250 ok", "250 ok", "354 go").expectData().reply("250 d"),
    );
    await using transport = over(peer);
    const receipts = await Promise.all([transport.send(mail({ to: TO })), transport.send(mail({ to: ["d@x.example"] }))]);
    expect(receipts.map(kinds)).toEqual([["accepted", "rejected", "accepted"], ["accepted"]]);
  });

  it("X7 C33: CHUNKING is left alone: how many replies the last chunk has is not known in time", async () => {
    await using peer = await scripted((s) => s.use(greeted("PIPELINING", "CHUNKING")).use(sent).reply("250 a", "250 b", "250 c"));
    await using transport = over(peer);
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["accepted", "accepted", "accepted"]);
  });

  it("X7 C48: with RCPTMAX those of the next transaction do not get a neighbour's reply", async () => {
    await using peer = await scripted((s) =>
      s
        .use(greeted("PIPELINING", "LIMITS RCPTMAX=2"))
        .expectGroup(MAIL, ...RCPTS.slice(0, 2), "DATA").reply("250 ok", "250 ok", "250 ok", "354 go").expectData().reply("250 a", "550 5.2.1 b")
        .expectGroup("RSET", MAIL, ...RCPTS.slice(2), "DATA").reply("250 ok", "250 ok", "250 ok", "354 go").expectData().reply("250 c"),
    );
    await using transport = over(peer);
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["accepted", "rejected", "accepted"]);
  });

  it("X7: a content that is streamed", async () => {
    const content = { open: async function* chunks(): AsyncGenerator<Buffer> { for (let index = 0; index < 50; index += 1) yield Buffer.from(`${".".repeat(900)}\r\n`); } };
    await using peer = await scripted((s) => s.use(greeted("PIPELINING", "8BITMIME")).expectGroup(/^MAIL/, ...RCPTS, "DATA").reply("250 ok", "250 ok", "250 ok", "250 ok", "354 go").expectData().reply("250 a", "250 b", "550 c"));
    await using transport = over(peer);
    expect(kinds(await transport.send(mail({ to: TO, content })))).toEqual(["accepted", "accepted", "rejected"]);
    expect(peer.sessions[0]?.messages[0]?.content.length).toBe(50 * 902);
  });
});

describe("lmtp: missing and surplus replies (X10, #35)", () => {
  it.each([["dropped", (s) => s.drop()], ["reset", (s) => s.reset()], ["half a reply", (s) => s.send("25").drop()]] satisfies [string, Build][])(
    "X10 #35: lost after the first of three (%s): that one is done, the rest uncertain", async (_, end) => {
      await using peer = await scripted((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 2.0.0 a").expectSilence().use(end));
      await using transport = over(peer);
      const { outcomes } = await transport.send(mail({ to: TO }));
      const [a, b, c] = outcomes;
      expect(a).toMatchObject({ kind: "accepted", reply: { text: "2.0.0 a" } });
      for (const outcome of [b, c]) expect(outcome).toMatchObject({ kind: "deferred", uncertain: true });
    },
  );

  it("X10: refused by the first, lost before the second", async () => {
    await using peer = await scripted((s) => s.use(greeted("PIPELINING")).use(sent).reply("550 5.2.1 a").drop());
    await using transport = over(peer);
    const { outcomes } = await transport.send(mail({ to: TO }));
    expect(outcomes).toMatchObject([{ kind: "rejected", status: "5.2.1" }, { kind: "deferred", uncertain: true }, { kind: "deferred", uncertain: true }]);
  });

  it("#35 C7: replies that do not come end with timeouts.final", async () => {
    await using peer = await scripted((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b").expectEnd());
    await using transport = over(peer, { timeouts: { final: 50 } });
    const { outcomes } = await transport.send(mail({ to: TO }));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "deferred"]);
    expect(outcomes[2]).toMatchObject({ uncertain: true, diagnosis: { phase: "final" } });
  });

  it("#35: replies too many end the connection, and the mail keeps its outcomes", async () => {
    await using peer = await scriptedPeer();
    peer.session((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "250 c", "250 d").expectEnd());
    peer.session((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "550 c"));
    await using transport = over(peer);
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["accepted", "accepted", "accepted"]);
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["accepted", "accepted", "rejected"]);
  });

  it.each(["250 d", "450 4.2.1 d", "550 5.1.1 d", "421 4.3.2 d"])("#35: %s too many, with the others: the mail behind is sent afresh", async (surplus) => {
    await using peer = await scriptedPeer();
    peer.session((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "250 c", surplus).expectEnd());
    peer.session((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "550 c"));
    await using transport = over(peer);
    const [one, two] = await Promise.all([transport.send(mail({ to: TO })), transport.send(mail({ to: TO }))]);
    expect([kinds(one), kinds(two)]).toEqual([["accepted", "accepted", "accepted"], ["accepted", "accepted", "rejected"]]);
  });

  it.each(["450 4.2.1 d", "550 5.1.1 d", "421 4.3.2 d"])("#35: %s too many, when the next envelope is out: it is no reply to its MAIL", async (surplus) => {
    await using peer = await scriptedPeer();
    peer.session((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "250 c").expectGroup("RSET", MAIL, ...RCPTS, "DATA").reply(surplus).ignore());
    peer.session((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "550 c"));
    await using transport = over(peer);
    const [one, two] = await Promise.all([transport.send(mail({ to: TO })), transport.send(mail({ to: TO }))]);
    expect([kinds(one), kinds(two)]).toEqual([["accepted", "accepted", "accepted"], ["accepted", "accepted", "rejected"]]);
  });

  const asked: Build = (s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "250 c").expectGroup("RSET", MAIL, ...RCPTS, "DATA");
  it.each<readonly [string, readonly string[]]>([
    ["a positive one", ["250 d", "250 ok", "250 ok", "250 ok", "250 ok", "250 ok", "354 go"]],
    ["a positive one, before the last recipient is refused", ["250 d", "250 ok", "250 ok", "250 ok", "250 ok", "550 5.1.1 no"]],
    ["a positive and a negative one", ["250 d", "550 5.2.1 e"]],
    ["two positive ones and a negative one", ["250 d", "250 e", "452 4.2.2 f", "250 ok", "250 ok", "250 ok"]],
    ["a positive and a senseless one", ["250 d", "354 e"]],
  ])("#35: %s too many, when the next envelope is out: whatever it seems to say, that mail is sent afresh", async (_, replies) => {
    await using peer = await scriptedPeer();
    // One by one, as segments of their own.
    peer.session((s) => replies.reduce((each, reply) => each.reply(reply).expectSilence(), s.use(asked)).ignore());
    peer.session((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "452 4.2.2 b", "550 c"));
    await using transport = over(peer);
    const [one, two] = await Promise.all([transport.send(mail({ to: TO })), transport.send(mail({ to: TO }))]);
    expect([kinds(one), kinds(two)]).toEqual([["accepted", "accepted", "accepted"], ["accepted", "deferred", "rejected"]]);
  });

  it.each(["MAIL", "RCPT"])("#35: so is one whose %s is refused there, line by line: it is asked again where nothing went before it", async (verb) => {
    const envelope: Build = (s) => (verb === "MAIL" ? s.expect(MAIL).reply("550 5.7.1 no") : s.expect(MAIL).reply("250 ok").expect(`RCPT TO:<${TO[0]}>`).reply("550 5.7.1 no"));
    await using peer = await scriptedPeer();
    peer.session((s) => s.use(greeted()).expect(MAIL).reply("250 ok").expect(`RCPT TO:<${TO[0]}>`).reply("250 ok").expect("DATA").reply("354 go").expectData().reply("250 a").expect("RSET").reply("250 ok").use(envelope).expectEnd());
    peer.session((s) => s.use(greeted()).use(envelope));
    await using transport = over(peer);
    const [one, two] = [await transport.send(mail({ to: [TO[0]] })), await transport.send(mail({ to: [TO[0]] }))];
    expect([first(one).kind, first(two)]).toMatchObject(["accepted", { kind: "rejected", status: "5.7.1" }]);
  });

  it("#35: so is one of which the server takes nobody, and one whose connection ends before the 354", async () => {
    const nobody: Build = (s) => s.expectGroup(MAIL, ...RCPTS, "DATA").reply("250 ok", "550 5.1.1 a", "550 5.1.1 b", "550 5.1.1 c", "503 5.5.1 no");
    await using peer = await scriptedPeer();
    peer.session((s) => s.use(asked).reply("250 ok", "250 ok", "550 5.1.1 a", "550 5.1.1 b", "550 5.1.1 c", "503 5.5.1 no").expectEnd());
    peer.session((s) => s.use(greeted("PIPELINING")).use(nobody).expectGroup("RSET", MAIL, ...RCPTS, "DATA").reply("250 ok", "250 ok", "550 5.1.1 a").drop());
    peer.session((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "250 c"));
    await using transport = over(peer);
    const receipts = [await transport.send(mail({ to: TO })), await transport.send(mail({ to: TO })), await transport.send(mail({ to: TO }))];
    expect(receipts.map(kinds)).toEqual([["accepted", "accepted", "accepted"], ["rejected", "rejected", "rejected"], ["accepted", "accepted", "accepted"]]);
  });

  it("#35: 354 to the dot makes no sense, and everybody is in doubt", async () => {
    await using peer = await scripted((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "354 what").expectEnd());
    await using transport = over(peer);
    for (const outcome of (await transport.send(mail({ to: TO }))).outcomes) expectUncertain(outcome);
  });

  it("X10 #34: abandoned after the dot: those not answered are uncertain", async () => {
    await using peer = await scripted((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a").ignore());
    await using transport = over(peer, { deadline: 200 });
    expect((await transport.send(mail({ to: TO }))).outcomes).toMatchObject([{ kind: "accepted" }, { kind: "deferred", uncertain: true }, { kind: "deferred", uncertain: true }]);
  });
});

describe("lmtp: where and how", () => {
  it.each([500, 502, 550])("X7: LHLO refused with %i is not followed by HELO", async (code) => {
    await using peer = await scripted((s) => s.reply("220 smtp").expect(/^LHLO/).reply(`${code} what`).expectEnd());
    await using transport = over(peer);
    expectCertainDeferral(first(await transport.send(mail())));
  });

  it("X9: SMTPUTF8 (UTF8LMTP, RFC 6531 §3.7.3) where LHLO offers it and the mail needs it, 5.6.7 where not", async () => {
    const utf8 = { from: "jörg@x.example", to: ["ann@x.example", "bob@x.example"], content: "Subject: Grüße\r\n\r\nhi\r\n" };
    await using able = await scripted((s) =>
      s
        .use(greeted("PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"))
        .expectGroup("MAIL FROM:<jörg@x.example> BODY=8BITMIME SMTPUTF8", "RCPT TO:<ann@x.example>", "RCPT TO:<bob@x.example>", "DATA").reply("250 ok", "250 ok", "250 ok", "354 go").expectData().reply("250 2.0.0 a", "452 4.2.2 b")
        .expectGroup("RSET", MAIL, ...RCPTS, "DATA").reply("250 ok", "250 ok", "250 ok", "250 ok", "250 ok", "354 go").expectData().reply("250 a", "250 b", "250 c"),
    );
    await using toAble = over(able);
    expect(kinds(await toAble.send(mail(utf8)))).toEqual(["accepted", "deferred"]);
    expect(kinds(await toAble.send(mail({ to: TO })))).toEqual(["accepted", "accepted", "accepted"]);
    await using unable = await scripted((s) => s.use(greeted("PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME")).expect("QUIT").reply("221 bye"));
    const toUnable = over(unable);
    expect((await toUnable.send(mail(utf8))).outcomes).toMatchObject([{ kind: "rejected", status: "5.6.7" }, { kind: "rejected", status: "5.6.7" }]);
    await toUnable[Symbol.asyncDispose]();
  });

  it("X9: not on port 25, and 24 where none is given", async () => {
    expect(await thrownBy(() => lmtp({ host: "x.example", port: 25 }))).toMatchObject({ name: "ConfigError", issues: [{ path: "port" }] });
    expect(await thrownBy(() => lmtp("lmtp://x.example:25"))).toMatchObject({ name: "ConfigError" });
    expect(await thrownBy(() => lmtp("smtp://x.example"))).toMatchObject({ name: "ConfigError", message: expect.stringContaining("lmtp://host:24") });
    await using transport = lmtp("lmtp://mail.example");
    expect(transport.name).toBe("lmtp:mail.example");
  });

  it("X7: by URL", async () => {
    await using peer = await scripted((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "250 c"));
    await using transport = lmtp(`lmtp://127.0.0.1:${peer.port}`, { name: "client.example" });
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["accepted", "accepted", "accepted"]);
  });

  it("X7: over a Unix socket", async () => {
    const directory = await mkdtemp(join(tmpdir(), "lmtp-"));
    const socketPath = join(directory, "lmtp");
    await using peer = await scripted((s) => s.use(greeted("PIPELINING")).use(sent).reply("250 a", "250 b", "250 c"));
    const bridge = createServer((client) => {
      const server = connect(peer.port, "127.0.0.1");
      client.on("error", () => undefined).pipe(server.on("error", () => undefined)).pipe(client);
    }).listen(socketPath);
    await once(bridge, "listening");
    try {
      await using transport = lmtp({ socketPath, name: "client.example" });
      const receipt = await transport.send(mail({ to: TO }));
      expect(receipt.outcomes).toMatchObject(TO.map((recipient) => ({ recipient, kind: "accepted", by: `lmtp:${socketPath}`, remote: socketPath })));
    } finally {
      bridge.close();
      await rm(directory, { recursive: true });
    }
  });

  it("a Unix socket that is not there says so", async () => {
    await using transport = lmtp({ socketPath: join(tmpdir(), "no-such-lmtp-socket") });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.1", diagnosis: { phase: "connect", code: "ENOENT" } });
  });
});

describe("lmtp: a mail that has to be asked about over a fresh connection (#35)", () => {
  const answers = ["250 a", "250 b", "250 c"] as const;
  const refusals = ["550 5.7.1 no", "503 a", "503 b", "503 c", "503 d"] as const;
  const upToDot: Build = (s) => s.use(greeted("PIPELINING")).use(sent);

  /** Two connections that have carried a mail each; the first of them refuses the next. `then` is what the second does. */
  async function used(then: Build): Promise<{ readonly peer: ScriptedPeer; readonly transport: SmtpTransport }> {
    const peer = await scriptedPeer();
    async function hasMail(index: number): Promise<void> {
      while (peer.sessions[index]?.messages.length !== 1) await turn();
    }
    const [ofFirst, ofSecond] = [hasMail(0), hasMail(1)];
    peer.session((s) => s.use(upToDot).wait(ofSecond).reply(...answers).expectGroup("RSET", MAIL, ...RCPTS, "DATA").reply("250 ok", ...refusals).expectEnd());
    peer.session((s) => s.wait(ofFirst).use(upToDot).reply(...answers).use(then));
    const transport = over(peer, { pool: 2 });
    const receipts = await Promise.all([transport.send(mail({ to: TO })), transport.send(mail({ to: TO }))]);
    expect(receipts.flatMap(kinds)).toEqual(Array.from({ length: 6 }, () => "accepted"));
    return { peer, transport };
  }

  it("gets one, although another that was used stands idle", async () => {
    const made = await used((s) => s.ignore());
    await using peer = made.peer;
    await using transport = made.transport;
    peer.session((s) => s.use(greeted("PIPELINING")).expectGroup(MAIL, ...RCPTS, "DATA").reply(...refusals).ignore());
    expect(first(await transport.send(mail({ to: TO })))).toMatchObject({ kind: "rejected", status: "5.7.1" });
    expect(transport.stats()).toMatchObject({ connections: 2, waiting: 0 });
  });

  it("is deferred where there is none, and holds up nobody", async () => {
    const made = await used((s) => s.use(sentNext).reply(...answers).ignore());
    await using peer = made.peer;
    await using transport = made.transport;
    peer.session((s) => s.reply("421 4.3.2 too many").drop());
    const one = transport.send(mail({ to: TO }));
    const outcome = first(await one);
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.5.0", diagnosis: { phase: "queue" } });
    expect(kinds(await transport.send(mail({ to: TO })))).toEqual(["accepted", "accepted", "accepted"]);
  });
});
