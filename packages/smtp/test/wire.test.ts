import { modelPeer } from "@postroad/testing/peer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bodyOf } from "../src/body.ts";
import { dotStuffer } from "../src/dots.ts";
import { first, mail, plain, scripted, streamed, thrownBy } from "./support.ts";

/** Text with many dots and line ends. */
const text = fc.array(fc.constantFrom(".", "..", "\r\n", "a", "é", ".\r\n", "\r\n.")).map((parts) => Buffer.from(parts.join("")));
const cuts = fc.array(fc.nat(60), { maxLength: 12 });

function pieces(bytes: Buffer, at: readonly number[]): readonly Buffer[] {
  const offsets = [...at].filter((offset) => offset <= bytes.length).toSorted((a, b) => a - b);
  return [0, ...offsets].map((from, index) => bytes.subarray(from, offsets[index] ?? bytes.length));
}

function stuffed(chunks: readonly Buffer[]): string {
  const stuffer = dotStuffer();
  const body = Buffer.concat(chunks.map((chunk) => stuffer.push(chunk))).toString("latin1");
  return body + stuffer.end();
}

describe("wire: data", () => {
  it("C2: dots are doubled at every line start, however the content is cut", () => {
    fc.assert(
      fc.property(text, cuts, (bytes, at) => {
        const whole = bytes.toString("latin1");
        const complete = whole === "" || whole.endsWith("\r\n") ? whole : `${whole}\r\n`;
        const expected = `${complete.replace(/^\./gm, "..")}.\r\n`;
        expect(stuffed(pieces(bytes, at))).toBe(expected);
      }),
    );
  });

  it.each([
    ["", ".\r\n"],
    ["a", "a\r\n.\r\n"],
    ["a\r\n", "a\r\n.\r\n"],
    ["a\r\n\r\n", "a\r\n\r\n.\r\n"],
    [".", "..\r\n.\r\n"],
    [".\r\n", "..\r\n.\r\n"],
    ["\r\n.\r\n", "\r\n..\r\n.\r\n"],
  ])("C3: %j ends with exactly one CRLF, a dot and a CRLF", (content, wire) => {
    expect(stuffed([Buffer.from(content)])).toBe(wire);
    expect(stuffed([...Buffer.from(content)].map((byte) => Buffer.of(byte)))).toBe(wire);
  });

  it("C2: a chunk without such a line is not copied", () => {
    const chunk = Buffer.from("one\r\ntwo.\r\n");
    expect(dotStuffer().push(chunk)).toBe(chunk);
  });

  it("C2: a chunk of nothing but dots on lines of their own is sent", async () => {
    await using peer = await modelPeer();
    await using transport = plain(peer);
    const content = Buffer.from("\r\n" + ".\r\n".repeat(200_000));
    const { outcomes } = await transport.send(mail({ content: streamed([content]) }));
    expect(outcomes).toMatchObject([{ kind: "accepted" }]);
    expect(peer.messages[0]?.content.equals(content)).toBe(true);
  });

  it("C1: every line on the wire ends in CRLF, and no CR or LF stands alone", async () => {
    await using peer = await scripted((s) =>
      s
        .greet("SIZE 1000", "8BITMIME")
        .expect(/^MAIL/).reply("250 ok").expect(/^RCPT/).reply("250 ok")
        .expect("DATA").reply("354 go").expectData().reply("250 ok"),
    );
    await using transport = plain(peer);
    await transport.send(mail({ content: "a: b\r\n\r\n.é\r\nend" }));
    await peer.done();
    const wire = peer.sessions[0]?.raw.toString("latin1") ?? "";
    expect(wire).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
    expect(wire).toContain("\r\nend\r\n.\r\n");
  });
});

/** The message of the error, empty where there is none. */
function complaint(check: () => unknown): string {
  try {
    check();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : "?";
  }
}

describe("wire: lines of a message", () => {
  const offsets = [0, 1, 65_535, 65_536, 65_537];

  it.each(["\n", "\r", "\r\r\n", "\n\r"])("C1: a bare %j in the content is refused before anything is sent", async (bad) => {
    await using peer = await modelPeer();
    await using transport = plain(peer);
    for (const offset of offsets) {
      const line = `${"x".repeat(63)}\r\n`;
      const before = line.repeat(Math.ceil(offset / line.length)).slice(0, offset).replace(/\r$/, "x");
      const content = `${before}${bad}x\r\n`;
      const outcome = first(await transport.send(mail({ content })));
      expect(outcome).toMatchObject({ kind: "rejected", status: "5.6.0", diagnosis: { phase: "body" } });
      expect("message" in outcome && outcome.message).toContain("octet");
    }
    expect(peer.connections.total).toBe(0);
  });

  it("C1: the offset of a bare line end is told exactly, wherever the content is cut", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.constantFrom("\r", "\n"), fc.integer({ min: 1, max: 50 }), (at, bad, size) => {
        const bytes = Buffer.from(`${"x".repeat(at)}${bad}y\r\n`);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
        const open = (): readonly Uint8Array[] => chunks;
        expect(() => bodyOf({ open })).toThrow(`octet ${at}`);
      }),
    );
  });

  it.each([998, 999, 1000])("C11: lines of %i octets, at any place and cut", (length) => {
    const line = "x".repeat(length);
    for (const content of [`${line}\r\n`, line, `a\r\n${line}\r\nb`, `a\r\n${line}`, `${"y".repeat(500)}\r\n${line}\r\n`]) {
      for (const size of [1, 7, 997, 5000]) {
        const bytes = Buffer.from(content);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
        const check = (): unknown => bodyOf({ open: () => chunks });
        expect(complaint(check)).toMatch(length <= 998 ? /^$/ : /line over 998 octets/);
      }
    }
  });

  it("C11: agrees with a plain search for random lines", () => {
    const lines = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 990, max: 1003 })), { maxLength: 200 });
    fc.assert(
      fc.property(lines, fc.boolean(), (lengths, complete) => {
        const content = lengths.map((length) => "x".repeat(length)).join("\r\n") + (complete ? "\r\n" : "");
        const check = (): unknown => bodyOf({ open: () => [Buffer.from(content)] });
        expect(complaint(check)).toMatch(lengths.every((length) => length <= 998) ? /^$/ : /line over 998 octets/);
      }),
    );
  });

  it("C1: a stream with a bare LF is stopped before the final dot", async () => {
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "354 go").expectBytes(3).ignore(),
    );
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail({ content: streamed(["a\r\n", "b\n"]) })));
    expect(outcome).toMatchObject({ kind: "rejected", status: "5.6.0" });
    expect(peer.sessions[0]?.messages).toEqual([]);
  });

  it("C1: refuses a size that would be a parameter of its own", async () => {
    await using peer = await modelPeer({ extensions: ["SIZE"] });
    await using transport = plain(peer);
    for (const size of [-1, 1.5, Number.NaN, JSON.parse('"1 SMTPUTF8\\r\\nRCPT TO:<x@y>"')]) {
      expect(first(await transport.send(mail({ content: streamed(["a\r\n"], size) })))).toMatchObject({ status: "4.6.0" });
    }
    expect(peer.connections.total).toBe(0);
    expect((await thrownBy(() => bodyOf({ size: -1, open: () => [] }))).message).toContain("size");
  });
});
