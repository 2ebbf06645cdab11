import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testCertificate } from "../src/certificate.ts";
import { deferral } from "../src/deferral.ts";
import { scriptedPeer } from "../src/peer.ts";
import { dial, dialTls } from "./client.ts";

const certificate = testCertificate();

describe("scripted peer: what goes wrong on the way", () => {
  it("splits a reply at any byte, and the client reads each piece by itself", async () => {
    await using peer = await scriptedPeer();
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 13 }), { maxLength: 5 }), async (cuts) => {
        const offsets = cuts.toSorted((a, b) => a - b);
        peer.session((s) =>
          s
            .reply("220 splitting")
            .splitAt(...offsets)
            .expectEnd(),
        );
        using client = await dial(peer.port);
        await client.hear("220 splitting\r\n");
        expect(client.reads).toHaveLength(offsets.length + 1);
        expect(client.reads.slice(0, -1).map(({ length }) => length)).toEqual(
          offsets.map((at, i) => at - (offsets[i - 1] ?? 0)),
        );
      }),
      { numRuns: 20 },
    );
  });

  it("splits a reply into single bytes", async () => {
    await using peer = await scriptedPeer();
    peer.session((s) => s.send("250-a\r\n250 b\r\n").split(1));
    using client = await dial(peer.port);
    await client.hear("250 b\r\n");
    expect(client.reads).toEqual("250-a\r\n250 b\r\n".split(""));
  });

  it("sends arbitrary bytes", async () => {
    await using peer = await scriptedPeer();
    peer.session((s) => s.send(Uint8Array.of(0, 255, 10, 13)).drop());
    using client = await dial(peer.port);
    const chunks: Buffer[] = [];
    client.socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    await client.over;
    expect(Buffer.concat(chunks)).toEqual(Buffer.of(0, 255, 10, 13));
  });

  it("drops with a FIN, resets with a RST", async () => {
    await using peer = await scriptedPeer();
    const dropped = peer.session((s) => s.expectBytes(3).drop());
    const reset = peer.session((s) => s.expectBytes(3).reset());
    using first = await dial(peer.port);
    first.say("abcdef");
    expect(await first.over).toBe("end");
    first.socket.end();
    using second = await dial(peer.port);
    second.say("abcdef");
    expect(await second.over).toBe("ECONNRESET");
    expect(await dropped.closed).toBe("end");
    expect(await reset.closed).toBe("reset");
  });

  it("half-closes and still listens", async () => {
    await using peer = await scriptedPeer();
    const session = peer.session((s) => s.reply("421 4.3.2 bye").halfClose().expect("QUIT").expectEnd());
    using client = await dial(peer.port);
    client.socket.allowHalfOpen = true;
    expect(await client.rest()).toBe("421 4.3.2 bye\r\n");
    client.socket.end("QUIT\r\n");
    await session.done;
    expect(session.received).toEqual(["QUIT"]);
  });

  it("notices how the client went", async () => {
    await using peer = await scriptedPeer();
    const session = peer.session((s) => s.reply("220 hi").expectEnd());
    using client = await dial(peer.port);
    await client.hear("220 hi\r\n");
    client.socket.resetAndDestroy();
    expect(await session.closed).toBe("reset");
  });

  it("floods at the pace of the client, until it goes", async () => {
    await using peer = await scriptedPeer();
    const session = peer.session((s) => s.flood("x".repeat(65_536)));
    using client = await dial(peer.port);
    let heard = 0;
    await new Promise<void>((resolve) => {
      client.socket.on("data", (chunk: Buffer) => (heard += chunk.length) > 4_000_000 && resolve());
    });
    client.socket.destroy();
    await session.done;
    expect(session.transcript.at(-1)).toMatch(/^-- \d+ × 65536 bytes sent$/);
  });

  it("stops reading, so that the client's writes back up", async () => {
    await using peer = await scriptedPeer();
    const gate = new AbortController();
    const session = peer.session((s) => s.pauseReading().wait(gate.signal).resumeReading().ignore());
    using client = await dial(peer.port);
    await session.opened;
    const chunk = Buffer.alloc(1 << 20);
    let writes = 0;
    while (client.socket.writableLength < 1 << 20 && writes < 64) {
      client.socket.write(chunk);
      writes += 1;
      await new Promise(setImmediate);
    }
    expect(writes).toBeLessThan(64);
    gate.abort();
    await new Promise<void>((resolve) => client.socket.end(resolve));
    await session.done;
    expect(session.transcript.at(-1)).toBe(`-- ${writes * chunk.length} bytes ignored`);
  });

  it("keeps no more than 16 MiB of what it ignores", async () => {
    await using peer = await scriptedPeer();
    const session = peer.session((s) => s.ignore());
    using client = await dial(peer.port);
    client.socket.end(Buffer.alloc(20 << 20));
    await session.done;
    expect(session.raw.length).toBeGreaterThanOrEqual(16 << 20);
    expect(session.raw.length).toBeLessThan(17 << 20);
  });
});

describe("scripted peer: TLS", () => {
  it("speaks TLS from the first byte on", async () => {
    await using peer = await scriptedPeer({ tls: certificate, implicitTls: true });
    const session = peer.session((s) => s.greet());
    using client = await dialTls(peer.port, { ca: certificate.ca });
    client.say("EHLO me\r\n");
    expect(await client.hear("250 peer\r\n")).toContain("220 peer ESMTP");
    expect(peer.url).toBe(`smtps://127.0.0.1:${peer.port}`);
    expect(session.tls).toEqual({ protocol: "TLSv1.3", servername: "localhost" });
  });

  it("changes to TLS after STARTTLS", async () => {
    await using peer = await scriptedPeer({ tls: certificate });
    const session = peer.session((s) =>
      s
        .greet("STARTTLS")
        .expect("STARTTLS")
        .expectSilence()
        .reply("220 go")
        .upgrade()
        .expect("EHLO me")
        .reply("250 peer")
        .split(1),
    );
    using client = await dial(peer.port);
    client.say("EHLO me\r\n");
    await client.hear("250 STARTTLS\r\n");
    client.say("STARTTLS\r\n");
    await client.hear("220 go\r\n");
    using secured = await client.secure({ ca: certificate.ca });
    secured.say("EHLO me\r\nQUIT\r\n");
    expect(await secured.rest()).toBe("250 peer\r\n221 2.0.0 bye\r\n");
    await session.closed;
    expect(session.received).toEqual(["EHLO me", "STARTTLS", "EHLO me", "QUIT"]);
    expect(session.raw.toString()).toBe("EHLO me\r\nSTARTTLS\r\nEHLO me\r\nQUIT\r\n");
  });

  it("puts plain text behind the 220, in the same segment", async () => {
    await using peer = await scriptedPeer({ tls: certificate });
    peer.session((s) => s.expect("STARTTLS").send("220 go\r\n250-AUTH PLAIN\r\n").expectEnd());
    using client = await dial(peer.port);
    client.say("STARTTLS\r\n");
    await client.hear("250-AUTH PLAIN\r\n");
    expect(client.reads).toEqual(["220 go\r\n250-AUTH PLAIN\r\n"]);
  });

  it("hangs, closes and resets in the middle of a handshake", async () => {
    await using peer = await scriptedPeer({ tls: certificate, implicitTls: true });
    const heard = deferral<string>();
    peer.session((s) =>
      s
        .expectBytes(100)
        .call(() => heard.resolve("client hello"))
        .ignore(),
    );
    peer.session((s) => s.expectBytes().drop());
    peer.session((s) => s.expectBytes().reset());
    using first = await dial(peer.port);
    const handshake = first.secure({ ca: certificate.ca });
    expect(await Promise.race([handshake, heard.promise])).toBe("client hello");
    first.socket.destroy();
    await expect(dialTls(peer.port, {})).rejects.toThrow(/disconnected before secure/);
    await expect(dialTls(peer.port, {})).rejects.toThrow(/ECONNRESET/);
  });

  it("notices that the client refuses a certificate", async () => {
    await using peer = await scriptedPeer({ implicitTls: true });
    const session = peer.session((s) => s.expectRefusedUpgrade(testCertificate({ names: ["other.example"] })));
    await expect(dialTls(peer.port, {})).rejects.toThrow(/certificate/);
    await session.done;
    expect(session.received).toEqual([]);
  });

  it("notices that the client accepts what it should refuse", async () => {
    const peer = await scriptedPeer();
    peer.session((s) => s.expectRefusedUpgrade(certificate));
    using client = await dialTls(peer.port, { ca: certificate.ca });
    client.say("EHLO me\r\n");
    await expect(peer[Symbol.asyncDispose]()).rejects.toThrow('expected the end of the connection, got "EHLO me"');
  });

  it("offers an old protocol only", async () => {
    await using peer = await scriptedPeer();
    const old = { ...certificate, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    peer.session((s) => s.expectRefusedUpgrade(old));
    await expect(dialTls(peer.port, { ca: certificate.ca })).rejects.toThrow(/protocol/i);
    await peer.done();
  });

  it("resets under TLS too", async () => {
    await using peer = await scriptedPeer({ tls: certificate, implicitTls: true });
    peer.session((s) => s.reply("220 hi").expect("NOOP").reset());
    using client = await dialTls(peer.port, { ca: certificate.ca });
    await client.hear("220 hi\r\n");
    client.say("NOOP\r\n");
    expect(await client.over).toBe("ECONNRESET");
  });
});
