import { describe, expect, it } from "vitest";
import type { Build } from "./support.ts";
import { expectCertainDeferral, first, kinds, mail, plain, scripted, streamed } from "./support.ts";

const envelope = [/^MAIL FROM/, /^RCPT TO/] as const;

describe("pipelining", () => {
  it("C29 C55: MAIL, every RCPT and DATA are one group; EHLO stands alone", async () => {
    await using peer = await scripted((s) =>
      s
        .reply("220 a").expect(/^EHLO/).expectSilence().reply("250-a", "250 PIPELINING")
        .expectGroup("MAIL FROM:<ann@a.example>", "RCPT TO:<a@x.example>", "RCPT TO:<b@x.example>", "DATA").expectSilence()
        .reply("250 ok", "250 ok", "250 ok", "354 go").expectData().reply("250 ok"),
    );
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ to: ["a@x.example", "b@x.example"] })))).toEqual(["accepted", "accepted"]);
    expect(peer.sessions[0]?.groups[1]).toEqual(["MAIL FROM:<ann@a.example>", "RCPT TO:<a@x.example>", "RCPT TO:<b@x.example>", "DATA"]);
  });

  it("C29: the next envelope rides behind the final dot, and its message waits for its 354", async () => {
    await using peer = await scripted((s) =>
      s
        .greet("PIPELINING").expectGroup(...envelope, "DATA").reply("250 ok", "250 ok", "354 go").expectData()
        .expectGroup("MAIL FROM:<second@a.example>", /^RCPT/, "DATA").expectSilence()
        .reply("250 first", "250 ok", "250 ok", "354 go").expectData().reply("250 second"),
    );
    await using transport = plain(peer);
    const receipts = await Promise.all([transport.send(mail()), transport.send(mail({ from: "second@a.example" }))]);
    expect(receipts.flatMap(({ outcomes }) => outcomes)).toMatchObject([{ reply: { text: "first" } }, { reply: { text: "second" } }]);
  });

  it.each<[string, readonly string[], boolean]>([["PIPELINING is not announced", [], true], ["pipelining is false", ["PIPELINING"], false]])(
    "C29: one command at a time where %s",
    async (_, extensions, pipelining) => {
      const one: Build = (s) =>
        s
          .expect(/^MAIL/).expectSilence().reply("250 ok").expect(/^RCPT/).expectSilence().reply("250 ok").expect(/^RCPT/).reply("550 5.1.1 no")
          .expect("DATA").expectSilence().reply("354 go").expectData().expectSilence().reply("250 ok");
      await using peer = await scripted((s) => s.greet(...extensions).use(one, 2));
      await using transport = plain(peer, { pipelining });
      const to = ["a@x.example", "b@x.example"];
      const receipts = await Promise.all([transport.send(mail({ to })), transport.send(mail({ to }))]);
      expect(receipts.map(kinds)).toEqual([["accepted", "rejected"], ["accepted", "rejected"]]);
    },
  );

  it("C30 #26: 354 with no valid recipient sends a lone dot and no body", async () => {
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(...envelope, "DATA").reply("250 ok", "550 5.1.1 no", "354 go").expectData().reply("554 5.5.1 nobody")
        .expectGroup(...envelope, "DATA").reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok"),
    );
    await using transport = plain(peer);
    expect((await transport.send(mail())).outcomes).toMatchObject([{ kind: "rejected", status: "5.1.1", reply: { code: 550 } }]);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(peer.sessions[0]?.messages.map(({ raw }) => raw.toString())).toEqual([".\r\n", expect.stringContaining("hello")]);
  });

  it("C30: no lone dot where the sender was refused and a recipient taken all the same", async () => {
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(...envelope, "DATA").reply("550 5.7.1 not you", "250 ok", "354 go").expectEnd(),
    );
    await using transport = plain(peer);
    expect((await transport.send(mail())).outcomes).toMatchObject([{ kind: "rejected", status: "5.7.1" }]);
  });

  it("C30: DATA refused after pipelining ends it for all that were taken", async () => {
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(...envelope, /^RCPT/, "DATA").reply("250 ok", "250 ok", "550 5.1.1 no", "451 4.3.0 later")
        .expectGroup("RSET", ...envelope, "DATA").reply("250 reset", "250 ok", "250 ok", "354 go").expectData().reply("250 ok"),
    );
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ to: ["a@x.example", "b@x.example"] }));
    expect(receipt.outcomes).toMatchObject([{ kind: "deferred", status: "4.3.0" }, { kind: "rejected", status: "5.1.1" }]);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  it("C12: RSET only where a transaction was left open", async () => {
    await using peer = await scripted((s) =>
      s
        .greet()
        .expect(/^MAIL/).reply("550 5.7.1 no")
        .expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("250 ok").expect("DATA").reply("354 go").expectData().reply("554 5.6.0 no")
        .expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("550 no")
        .expect("RSET").expectSilence().reply("250 ok")
        .expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("250 ok").expect("DATA").reply("354 go").expectData().reply("250 ok"),
    );
    await using transport = plain(peer);
    const seen: (readonly string[])[] = [];
    for (let round = 0; round < 4; round += 1) seen.push(kinds(await transport.send(mail())));
    expect(seen.flat()).toEqual(["rejected", "rejected", "rejected", "accepted"]);
  });

  it("C12: a connection that does not take RSET is replaced", async () => {
    const peer = await scripted((s) => s.greet().expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("550 no").expect("RSET").reply("500 what").expectEnd());
    peer.session((s) => s.greet().expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("250 ok").expect("DATA").reply("354 go").expectData().reply("250 ok"));
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail()))).toEqual(["rejected"]);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("C13: each recipient has its own outcome, in order", async () => {
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(/^MAIL/, ...Array.from({ length: 5 }, () => /^RCPT/), "DATA")
        .reply("250 ok", "250 a", "550 5.1.1 b", "450 4.2.0 c", "252 d", "599 e", "354 go").expectData().reply("250 2.0.0 ok"),
    );
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ to: ["a", "b", "c", "d", "e"].map((name) => `${name}@x.example`) }));
    expect(receipt.outcomes).toMatchObject([
      { kind: "accepted", recipient: "a@x.example" }, { kind: "rejected", status: "5.1.1" }, { kind: "deferred", status: "4.2.0" },
      { kind: "accepted" }, { kind: "rejected", status: "5.0.0", recipient: "e@x.example" },
    ]);
  });

  it.each([["452 4.5.3 too many", "pipelined", ["PIPELINING"]], ["552 too many", "in lock-step", []]] as const)(
    "C14: %s, %s: the surplus gets transactions of the size that fits, and the outcome is one receipt",
    async (refusal, _, extensions) => {
      const to = ["a", "b", "c", "d", "e"].map((name) => `${name}@x.example`);
      const next = (names: readonly string[], taken: number): Build => (s) => {
        const replies = names.map((__, index) => (index < taken ? "250 ok" : refusal));
        if (extensions.length > 0) s.expectGroup(/^MAIL/, ...names.map((name) => `RCPT TO:<${name}>`), "DATA").reply("250 ok", ...replies, "354 go");
        else {
          s.expect(/^MAIL/).reply("250 ok");
          for (const [index, name] of names.entries()) s.expect(`RCPT TO:<${name}>`).reply(replies[index] ?? "");
          s.expect("DATA").reply("354 go");
        }
        s.expectData().reply(`250 2.0.0 for ${taken}`);
      };
      await using peer = await scripted((s) => s.greet(...extensions).use(next(to, 2)).use(next(to.slice(2, 4), 2)).use(next(to.slice(4), 1)));
      await using transport = plain(peer);
      const receipt = await transport.send(mail({ to }));
      expect(receipt.outcomes.map(({ reply }) => reply?.text)).toEqual(["2.0.0 for 2", "2.0.0 for 2", "2.0.0 for 2", "2.0.0 for 2", "2.0.0 for 1"]);
    },
  );

  it("C14: without progress the surplus is deferred with what the server said", async () => {
    await using peer = await scripted((s) =>
      s.greet("PIPELINING")
        .expectGroup(/^MAIL/, /^RCPT/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "452 4.5.3 many", "354 go").expectData().reply("250 ok")
        .expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "452 4.5.3 many", "503 nobody"),
    );
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ to: ["a@x.example", "b@x.example"] }));
    expect(receipt.outcomes).toMatchObject([{ kind: "accepted" }, { kind: "deferred", status: "4.5.3", reply: { code: 452 } }]);
  });

  it("C14: an abort between the transactions keeps what was accepted", async () => {
    const stop = new AbortController();
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "452 4.5.3 many", "354 go").expectData()
        .call(() => stop.abort()).reply("250 ok"),
    );
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ to: ["a@x.example", "b@x.example"] }), stop);
    expect(receipt.outcomes).toMatchObject([{ kind: "accepted" }, { kind: "deferred", status: "4.3.2" }]);
    expectCertainDeferral(receipt.outcomes[1] ?? first(receipt));
  });
});

describe("pipelining: replies out of step (C31)", () => {
  const senseless: readonly (readonly [string, readonly string[]])[] = [
    ["354 to MAIL", ["354 go"]],
    ["354 to RCPT", ["250 ok", "354 go"]],
    ["250 to DATA", ["250 ok", "250 ok", "250 ok"]],
    ["250 to DATA behind a refused recipient", ["250 ok", "550 5.1.1 no", "250 ok"]],
    ["a reply too many in front", ["250 extra", "250 ok", "250 ok", "354 go"]],
  ];

  it.each(senseless)("%s: closes, and trusts none of the replies", async (_, replies) => {
    await using peer = await scripted((s) => s.greet("PIPELINING").expectGroup(...envelope, "DATA").reply(...replies).expectEnd());
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.5.0" });
  });

  it("in lock-step a second reply in the same segment is one too many", async () => {
    await using peer = await scripted((s) => s.greet().expect(/^MAIL/).reply("250 ok", "250 to a RCPT that was not sent").ignore());
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.5.0" });
  });

  it("250 in one segment with 354 says nothing about a message that was not sent yet", async () => {
    await using peer = await scripted((s) => s.greet("PIPELINING").expectGroup(...envelope, "DATA").reply("250 ok", "250 ok", "354 go", "250 queued").ignore());
    await using transport = plain(peer);
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.5.0" });
  });

  it("550 in one segment with 354 refuses the message", async () => {
    await using peer = await scripted((s) => s.greet("PIPELINING").expectGroup(...envelope, "DATA").reply("250 ok", "250 ok", "354 go", "550 5.7.1 no").ignore());
    await using transport = plain(peer);
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "rejected", status: "5.7.1" });
  });

  it("#30: extra replies behind the 250 do not touch the mail, and the connection is not used again", async () => {
    const peer = await scripted((s) => s.greet("PIPELINING").expectGroup(...envelope, "DATA").reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok", "250 again").expectEnd());
    peer.session((s) => s.greet("PIPELINING").expectGroup(...envelope, "DATA").reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok"));
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("C32: a peer that reads late and answers early does not deadlock a long envelope", async () => {
    const to = Array.from({ length: 5000 }, (_, index) => `recipient-${index}@a-rather-long-domain-name.example`);
    await using peer = await scripted((s) =>
      s
        .greet("PIPELINING").expect(/^MAIL/).pauseReading().reply("250 ok").resumeReading()
        .use((script) => script.expect(/^RCPT/).reply("250 ok"), to.length).expect("DATA").reply("354 go").expectData().reply("250 ok"),
    );
    await using transport = plain(peer);
    expect(new Set(kinds(await transport.send(mail({ to }))))).toEqual(new Set(["accepted"]));
  });

  it("C32: a reader that stalls in the middle of a large message", async () => {
    const content = streamed(Array.from({ length: 400 }, () => `${"x".repeat(76)}\r\n`.repeat(100)));
    let resume: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (resume = resolve));
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(...envelope, "DATA").reply("250 ok", "250 ok", "354 go").expectBytes(1000).pauseReading().wait(gate).resumeReading()
        .expectData().reply("250 ok"),
    );
    await using transport = plain(peer);
    const sending = transport.send(mail({ content }));
    setTimeout(() => resume?.(), 50);
    expect(kinds(await sending)).toEqual(["accepted"]);
  });
});
