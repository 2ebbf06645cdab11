import type { Transport } from "@postroad/core";
import { modelPeer } from "@postroad/testing/peer";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { smtp } from "../src/index.ts";
import type { Build } from "./support.ts";
import { expectCertainDeferral, first, kinds, mail, plain, portOf, scripted, thrownBy, until } from "./support.ts";

const envelope = [/^MAIL/, /^RCPT/, "DATA"] as const;
const ok: Build = (s) => s.expectGroup(...envelope).reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok");

/** Sends `count` mails at once. */
async function sendMany(transport: Transport, count: number): Promise<readonly string[]> {
  const receipts = await Promise.all(Array.from({ length: count }, () => transport.send(mail())));
  return receipts.flatMap(kinds);
}

describe("pool", () => {
  it.each([1, 3, 7])("never has more than its %i connections, under 500 sends at once", async (connections) => {
    await using peer = await modelPeer();
    await using transport = plain(peer, { pool: connections });
    expect(new Set(await sendMany(transport, 500))).toEqual(new Set(["accepted"]));
    expect(peer.messages).toHaveLength(500);
    expect(new Set(peer.messages.map(({ connection }) => connection)).size).toBeLessThanOrEqual(connections);
    expect(peer.connections.total).toBeLessThanOrEqual(connections);
    expect(peer.violations).toEqual([]);
  });

  it("the cap holds where options are given as undefined", async () => {
    await using peer = await modelPeer();
    const pool = JSON.parse("{}");
    pool.connections = undefined;
    await using transport = plain(peer, { pool });
    await sendMany(transport, 100);
    expect(peer.connections.most).toBeLessThanOrEqual(5);
  });

  it("the cap holds while connections are replaced after their message limit, and no mail is lost", async () => {
    await using peer = await modelPeer();
    await using transport = plain(peer, { pool: { connections: 3, messages: 4 } });
    expect(new Set(await sendMany(transport, 100))).toEqual(new Set(["accepted"]));
    expect(peer.connections.most).toBeLessThanOrEqual(3);
    const perConnection = Map.groupBy(peer.messages, ({ connection }) => connection);
    expect(Math.max(...[...perConnection.values()].map(({ length }) => length))).toBe(4);
  });

  it("C15: says QUIT to a connection that has had its messages", async () => {
    const peer = await scripted((s) => s.greet("PIPELINING").use(ok).expect("QUIT").reply("221 bye").expectEnd());
    peer.session((s) => s.greet("PIPELINING").use(ok).expect("QUIT").reply("221 bye").expectEnd());
    await using transport = plain(peer, { pool: { connections: 1, messages: 1 } });
    expect(await sendMany(transport, 2)).toEqual(["accepted", "accepted"]);
    await peer[Symbol.asyncDispose]();
  });

  it("takes no mail past the lifetime, and closes after the idle time", async () => {
    for (const limit of ["idle", "lifetime"]) {
      await using peer = await scripted((s) => s.greet("PIPELINING").use(ok).expect("QUIT").reply("221 bye").expectEnd());
      await using transport = plain(peer, { pool: { connections: 1, [limit]: 30 } });
      expect(await sendMany(transport, 1)).toEqual(["accepted"]);
      await peer.sessions[0]?.closed;
    }
  });

  it("C54: an idle connection that the server closes is noticed, and the next mail goes over a fresh one", async () => {
    await using peer = await modelPeer();
    await using transport = plain(peer);
    for (let round = 1; round <= 3; round += 1) {
      expect(await sendMany(transport, 1)).toEqual(["accepted"]);
      peer.disconnect(round === 1 ? "fin" : "reset");
      await until(() => peer.connections.open === 0);
    }
    expect(peer.connections.total).toBe(3);
  });

  it.each<[string, Build]>([
    ["drops", (s) => s.drop()], ["resets", (s) => s.reset()], ["says 421", (s) => s.reply("421 4.4.2 idle too long").ignore()],
  ])("#32 C54: a server that %s at the instant of MAIL: once more over a fresh connection, no duplicate", async (_, end) => {
    const peer = await scripted((s) => s.greet("PIPELINING").use(ok).expect(/^MAIL/).use(end));
    peer.session((s) => s.greet("PIPELINING").use(ok));
    const transport = plain(peer);
    expect(await sendMany(transport, 1)).toEqual(["accepted"]);
    expect(await sendMany(transport, 1)).toEqual(["accepted"]);
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("#32: all connections gone stale at once", async () => {
    let stale = false;
    await using peer = await modelPeer({ on: ({ step, connection }) => (stale && step === "mail" && connection <= 4 ? { drop: "before" } : undefined) });
    await using transport = plain(peer, { pool: 4 });
    expect(new Set(await sendMany(transport, 100))).toEqual(new Set(["accepted"]));
    expect(peer.connections.total).toBe(4);
    stale = true;
    expect(await sendMany(transport, 1)).toEqual(["accepted"]);
    expect(peer.messages).toHaveLength(101);
  });

  it("#32: on a fresh connection it is not tried again", async () => {
    await using peer = await scripted((s) => s.greet("PIPELINING").expect(/^MAIL/).drop());
    await using transport = plain(peer);
    expectCertainDeferral(first(await transport.send(mail())));
  });

  it("#32: what rode behind the final dot of a lost mail is sent elsewhere; only the first is uncertain", async () => {
    const peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(...envelope).reply("250 ok", "250 ok", "354 go").expectData().expectGroup(...envelope).drop(),
    );
    peer.session((s) => s.greet("PIPELINING").use(ok));
    const transport = plain(peer);
    const receipts = await Promise.all([transport.send(mail()), transport.send(mail())]);
    expect(receipts.map(first)).toMatchObject([{ kind: "deferred", uncertain: true }, { kind: "accepted" }]);
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("recovers when the server comes back", async () => {
    const down = createServer();
    await new Promise<void>((resolve) => down.listen(0, "127.0.0.1", resolve));
    const port = portOf(down);
    await new Promise((resolve) => down.close(resolve));
    await using transport = smtp({ host: "127.0.0.1", port, security: "none" });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.1", diagnosis: { code: "ECONNREFUSED", phase: "connect" } });
    const up = createServer((socket) => socket.end("421 4.3.2 up\r\n"));
    await new Promise<void>((resolve) => up.listen(port, "127.0.0.1", resolve));
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", reply: { code: 421 } });
    await new Promise((resolve) => up.close(resolve));
  });

  it("where nothing can connect, all that wait are told once, by as many attempts as there may be connections", async () => {
    let attempts = 0;
    const server = createServer((socket) => {
      attempts += 1;
      socket.end("554 5.3.2 no\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await using transport = plain({ port: portOf(server) }, { pool: 3 });
    expect(new Set(await sendMany(transport, 200))).toEqual(new Set(["deferred"]));
    expect(attempts).toBe(3);
    await new Promise((resolve) => server.close(resolve));
  });

  it("one attempt that fails while another connection lives does not fail the mails that wait", async () => {
    await using peer = await modelPeer({ on: ({ step, connection }) => (step === "greeting" && connection > 1 ? "421 4.7.0 one is enough" : undefined) });
    await using transport = plain(peer, { pool: 5 });
    expect(new Set(await sendMany(transport, 100))).toEqual(new Set(["accepted"]));
    expect(new Set(peer.messages.map(({ connection }) => connection))).toEqual(new Set([1]));
  });

  it("a connection that ends in the segment of its last EHLO line is no connection", async () => {
    const peer = await scripted((s) => s.reply("220 a").expect(/^EHLO/).reply("250 a", "421 4.3.2 bye").expectEnd());
    peer.session((s) => s.greet("PIPELINING").use(ok));
    const transport = plain(peer);
    expect(await sendMany(transport, 1)).toEqual(["deferred"]);
    expect(await sendMany(transport, 1)).toEqual(["accepted"]);
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("dispose while a connection is being opened leaves nothing open", async () => {
    const peer = await scripted((s) => s.ignore());
    const transport = plain(peer);
    const stop = new AbortController();
    const checking = thrownBy(transport.check(stop));
    await peer.sessions[0]?.opened;
    await transport[Symbol.asyncDispose]();
    expect(await checking).toMatchObject({ name: "Refusal" });
    await peer.sessions[0]?.closed;
    await peer[Symbol.asyncDispose]();
  });
});

describe("pool: check", () => {
  it("opens a connection, which the next mail uses", async () => {
    await using peer = await modelPeer();
    await using transport = plain(peer);
    await transport.check();
    expect(await sendMany(transport, 1)).toEqual(["accepted"]);
    expect(peer.connections.total).toBe(1);
  });

  it("asks a kept connection with NOOP, and no mail is sent before its reply", async () => {
    await using peer = await scripted((s) => s.greet("PIPELINING").use(ok).expect("NOOP").expectSilence().reply("250 ok").use(ok));
    await using transport = plain(peer);
    await sendMany(transport, 1);
    const checking = transport.check();
    const sending = sendMany(transport, 1);
    await checking;
    expect(await sending).toEqual(["accepted"]);
  });

  it("a kept connection that turns out to be lost is replaced", async () => {
    const peer = await scripted((s) => s.greet("PIPELINING").use(ok).expect("NOOP").drop());
    peer.session((s) => s.greet("PIPELINING").use(ok));
    const transport = plain(peer);
    await sendMany(transport, 1);
    await transport.check();
    expect(await sendMany(transport, 1)).toEqual(["accepted"]);
    await transport[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  it("rejects with what the server said, and leaves the connection in use", async () => {
    await using peer = await scripted((s) => s.greet("PIPELINING").use(ok).expect("NOOP").reply("451 4.3.0 not well").use(ok));
    await using transport = plain(peer);
    await sendMany(transport, 1);
    expect(await thrownBy(transport.check())).toMatchObject({ name: "Refusal", status: "4.3.0" });
    expect(await sendMany(transport, 1)).toEqual(["accepted"]);
  });

  it("a failed check does not leave a mail waiting that came meanwhile", async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    await using peer = await scripted((s) => s.wait(gate).reply("421 4.3.2 no").expectEnd());
    await using transport = plain(peer);
    const checking = thrownBy(transport.check());
    const sending = sendMany(transport, 1);
    release?.();
    expect(await checking).toMatchObject({ status: "4.3.2" });
    expect(await sending).toEqual(["deferred"]);
  });
});
