import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import type { Timeouts } from "../src/index.ts";
import type { Build } from "./support.ts";
import { expectCertainDeferral, expectUncertain, first, mail, plain, scripted, streamed, thrownBy } from "./support.ts";

const envelope = [/^MAIL/, /^RCPT/, "DATA"] as const;
const upToData: Build = (s) => s.greet("PIPELINING").expectGroup(...envelope).reply("250 ok", "250 ok", "354 go");

describe("timeouts (C7)", () => {
  const silent: readonly (readonly [string, keyof Timeouts, Build])[] = [
    ["greeting", "greeting", (s) => s.ignore()],
    ["ehlo", "command", (s) => s.reply("220 a").expect(/^EHLO/).ignore()],
    ["auth", "command", (s) => s.greet("AUTH PLAIN").expect(/^AUTH/).ignore()],
    ["mail", "command", (s) => s.greet().expect(/^MAIL/).ignore()],
    ["rcpt", "rcpt", (s) => s.greet().expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).ignore()],
    ["data", "data", (s) => s.greet("PIPELINING").expectGroup(...envelope).reply("250 ok", "250 ok").ignore()],
  ];

  it.each(silent)("silence in phase %s ends after timeouts.%s, certain", async (phase, option, build) => {
    await using peer = await scripted(build);
    const login = phase === "auth" ? { auth: { user: "u", pass: "p" }, insecureCleartextAuth: true } : {};
    await using transport = plain(peer, { timeouts: { [option]: option === "command" ? 1000 : 30 }, ...login });
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.4.2", diagnosis: { phase } });
    await peer.sessions[0]?.closed;
  });

  it("silence after the final dot is uncertain", async () => {
    await using peer = await scripted((s) => s.use(upToData).expectData().ignore());
    await using transport = plain(peer, { timeouts: { final: 30 } });
    const outcome = first(await transport.send(mail()));
    expectUncertain(outcome);
    expect(outcome).toMatchObject({ diagnosis: { phase: "final" } });
  });

  it("a body that does not get on ends after timeouts.block, certain", async () => {
    await using peer = await scripted((s) => s.use(upToData).pauseReading().wait(new Promise((resolve) => setTimeout(resolve, 500))));
    await using transport = plain(peer, { timeouts: { block: 50 } });
    const content = streamed((function* () { for (;;) yield "x\r\n".repeat(30_000); })());
    const outcome = first(await transport.send(mail({ content })));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ diagnosis: { phase: "body" }, message: expect.stringContaining("progress") });
  });

  it("a content that never yields ends after timeouts.block", async () => {
    await using peer = await scripted((s) => s.use(upToData).ignore());
    await using transport = plain(peer, { timeouts: { block: 50 } });
    const content = { open: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<Uint8Array>>(() => undefined) }) }) };
    expectCertainDeferral(first(await transport.send(mail({ content }))));
  });

  it.each([
    ["from the start", 0, (s) => s],
    ["behind a chunk", 70_000, (s) => s.expectBdat({ last: false }).reply("250 ok")],
    ["behind a chunk that is not answered", 70_000, (s) => s.expectBdat({ last: false })],
  ] as const satisfies [string, number, Build][])("C7 C33: a content in chunks that stalls %s ends after timeouts.block, certain", async (_, size, chunks) => {
    async function* stalls(): AsyncGenerator<string> {
      if (size > 0) yield "x\r\n".repeat(size / 3);
      await new Promise(() => undefined);
    }
    await using peer = await scripted((s) => s.greet("PIPELINING", "CHUNKING").expectGroup(/^MAIL/, /^RCPT/).reply("250 ok", "250 ok").use(chunks).expectEnd());
    await using transport = plain(peer, { timeouts: { block: 300 } });
    const outcome = first(await transport.send(mail({ content: streamed(stalls()) })));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.4.2", message: expect.stringContaining("progress"), diagnosis: { phase: "body" } });
  });

  it("C7 C33: a content in chunks may take its time as long as it gets on", async () => {
    async function* slow(): AsyncGenerator<string> {
      for (let index = 0; index < 4; index += 1) {
        yield "x\r\n";
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
    await using peer = await scripted((s) => s.greet("PIPELINING", "CHUNKING").expectGroup(/^MAIL/, /^RCPT/).reply("250 ok", "250 ok").expectBdat({ size: 12 }).expectBdat({ last: true }).reply("250 ok", "250 ok"));
    await using transport = plain(peer, { timeouts: { block: 1500 } });
    expect(first(await transport.send(mail({ content: streamed(slow()) })))).toMatchObject({ kind: "accepted" });
  });

  it("#27: a reply that drips is not kept alive by its bytes", async () => {
    await using peer = await scripted((s) => s.greet("PIPELINING").expectGroup(...envelope).reply("250 ok").use((script) => {
      script.send("2").wait(new Promise((resolve) => setTimeout(resolve, 40))).send("50-x").wait(new Promise((resolve) => setTimeout(resolve, 80))).ignore();
    }));
    await using transport = plain(peer, { timeouts: { rcpt: 60 } });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", diagnosis: { phase: "rcpt" } });
  });

  it("C7: the deadline of a mail before the commit point: certain, and told where it was", async () => {
    await using peer = await scripted((s) => s.greet().expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).ignore());
    await using transport = plain(peer, { deadline: 1500 });
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.4.7", diagnosis: { phase: "rcpt", transcript: expect.arrayContaining([expect.stringContaining("RCPT")]) } });
  });

  it("C7: after the commit point: uncertain, what is known stays known, and disposing does not wait for the reply", async () => {
    await using peer = await scripted((s) => s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "550 5.1.1 no", "354 go").expectData().ignore());
    const transport = plain(peer, { deadline: 1500 });
    const receipt = await transport.send(mail({ to: ["a@x.example", "b@x.example"] }));
    expect(receipt.outcomes).toMatchObject([{ kind: "deferred", status: "4.4.7", uncertain: true }, { kind: "rejected", status: "5.1.1" }]);
    await transport[Symbol.asyncDispose]();
    await peer.sessions[0]?.closed;
  });

  it("C7: while waiting in line", async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
    await using peer = await modelPeer({ on: ({ step }) => (step === "message" ? gate : undefined) });
    // The first is past its final dot and keeps the connection, whenever its own time is up.
    await using transport = plain(peer, { deadline: 1500, pipelining: false, pool: 1 });
    const receipts = await Promise.all([transport.send(mail()), transport.send(mail())]);
    release?.();
    expect(receipts.map(first)).toMatchObject([
      { kind: "deferred", status: "4.4.7", uncertain: true }, { kind: "deferred", status: "4.4.7", diagnosis: { phase: "queue" } },
    ]);
  });

  it("C7: a deadline while the server has not greeted names the phase and the likely fix, as the wrong TLS mode needs it", async () => {
    await using peer = await scripted((s) => s.ignore());
    await using transport = plain(peer, { deadline: 1000 });
    const outcome = first(await transport.send(mail()));
    expect(outcome).toMatchObject({ status: "4.4.7", diagnosis: { phase: "greeting", advice: expect.stringContaining("465") } });
  });

  it("C7: connecting where nobody answers", async () => {
    const connect = (): Promise<never> => new Promise(() => undefined);
    await using transport = plain({ port: 25 }, { connect, timeouts: { connect: 50 } });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.1", diagnosis: { phase: "connect" } });
    expect(await thrownBy(transport.check())).toMatchObject({ name: "Refusal", status: "4.4.1" });
  });
});
