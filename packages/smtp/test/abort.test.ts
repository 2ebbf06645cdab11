import type { Receipt } from "@postroad/core";
import { modelPeer } from "@postroad/testing/peer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Build } from "./support.ts";
import { expectCertainDeferral, first, kinds, mail, plain, scripted, streamed, thrownBy } from "./support.ts";

const envelope = [/^MAIL/, /^RCPT/, "DATA"] as const;
const ok: Build = (s) => s.expectGroup(...envelope).reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok");

describe("abort (#34)", () => {
  const phases: readonly (readonly [string, (abort: () => void) => Build])[] = [
    ["greeting", (abort) => (s) => s.call(abort).ignore()],
    ["ehlo", (abort) => (s) => s.reply("220 a").expect(/^EHLO/).call(abort).ignore()],
    ["mail", (abort) => (s) => s.greet().expect(/^MAIL/).call(abort).ignore()],
    ["rcpt", (abort) => (s) => s.greet().expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).call(abort).ignore()],
    ["data", (abort) => (s) => s.greet("PIPELINING").expectGroup(...envelope).reply("250 ok", "250 ok").expectSilence().call(abort).ignore()],
    ["body", (abort) => (s) => s.greet("PIPELINING").expectGroup(...envelope).reply("250 ok", "250 ok", "354 go").expectBytes(10).call(abort).ignore()],
  ];

  it.each(phases)("in phase %s: settles once, certain, and the socket is closed", async (phase, build) => {
    const stop = new AbortController();
    await using peer = await scripted(build(() => stop.abort()));
    await using transport = plain(peer);
    const content = streamed((function* () { for (;;) yield "x\r\n".repeat(1000); })());
    const outcome = first(await transport.send(mail({ content }), stop));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.3.2", message: expect.stringContaining("aborted") });
    // The server may have accepted the connection before we know of it.
    const possible = phase === "greeting" ? ["connect", "greeting"] : [phase];
    expect(possible).toContain("diagnosis" in outcome && outcome.diagnosis?.phase);
    await peer.sessions[0]?.closed;
  });

  it("after the final dot: ignored, the outcome says what happened", async () => {
    const stop = new AbortController();
    await using peer = await scripted((s) => s.greet("PIPELINING").expectGroup(...envelope).reply("250 ok", "250 ok", "354 go").expectData().call(() => stop.abort()).reply("250 ok"));
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail(), stop))).toEqual(["accepted"]);
  });

  it("while waiting in line: it is forgotten, the others are not", async () => {
    const stop = new AbortController();
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    await using peer = await scripted((s) => s.greet("PIPELINING").expectGroup(...envelope).wait(gate).reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok").use(ok));
    await using transport = plain(peer);
    const receipts = [transport.send(mail()), transport.send(mail(), stop), transport.send(mail())];
    await peer.sessions[0]?.opened;
    stop.abort();
    expect(first(await (receipts[1] ?? receipts[0] ?? Promise.reject(new Error("none"))))).toMatchObject({ status: "4.3.2" });
    release?.();
    expect((await Promise.all(receipts)).flatMap(kinds)).toEqual(["accepted", "deferred", "accepted"]);
  });

  it("behind another's final dot: the other is not uncertain, and a third is sent", async () => {
    const stop = new AbortController();
    const peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(...envelope).reply("250 ok", "250 ok", "354 go").expectData()
        .expectGroup(...envelope).call(() => stop.abort()).reply("250 first").ignore(),
    );
    peer.session((s) => s.greet("PIPELINING").use(ok));
    const transport = plain(peer);
    const receipts = await Promise.all([transport.send(mail()), transport.send(mail(), stop), transport.send(mail())]);
    expect(receipts.flatMap(kinds)).toEqual(["accepted", "deferred", "accepted"]);
    expectCertainDeferral(first(receipts[1]));
    expect(first(receipts[0])).toMatchObject({ reply: { text: "first" } });
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("the only mail aborted while connecting: the attempt is given up, and the next mail makes its own", async () => {
    const stop = new AbortController();
    const peer = await scripted((s) => s.call(() => stop.abort()).ignore());
    peer.session((s) => s.greet("PIPELINING").use(ok));
    const transport = plain(peer);
    expect(kinds(await transport.send(mail(), stop))).toEqual(["deferred"]);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("check: rejects when its signal aborts, while a mail that waits for the same connection gets it", async () => {
    const stop = new AbortController();
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    await using peer = await scripted((s) => s.wait(gate).greet("PIPELINING").use(ok));
    await using transport = plain(peer);
    const checking = thrownBy(transport.check(stop));
    const sending = transport.send(mail());
    stop.abort();
    expect(await checking).toMatchObject({ name: "Refusal", status: "4.3.2" });
    release?.();
    expect(kinds(await sending)).toEqual(["accepted"]);
  });

  it("property: at random moments of many mails, each settles once and truthfully, and what is accepted has arrived once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 5, maxLength: 30 }), fc.boolean(), async (delays, pipelining) => {
        await using peer = await modelPeer();
        await using transport = plain(peer, { pool: 2, pipelining });
        const receipts = await Promise.all(delays.map(async (turns, index): Promise<Receipt> => {
          const stop = new AbortController();
          const sending = transport.send(mail({ to: [`r${index}@x.example`] }), stop);
          for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          if (turns < 12) stop.abort();
          return sending;
        }));
        const arrived = peer.messages.map(({ to }) => to[0]?.address);
        for (const receipt of receipts) {
          const outcome = first(receipt);
          const copies = arrived.filter((address) => address === outcome.recipient).length;
          expect(copies).toBe(outcome.kind === "accepted" ? 1 : 0);
          expect("uncertain" in outcome).toBe(false);
        }
        expect(peer.violations).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});
