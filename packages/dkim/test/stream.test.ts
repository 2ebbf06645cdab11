import type { Content } from "@postroad/core";
import { contentOf } from "@postroad/core";
import { fake } from "@postroad/testing/fake";
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { Signer } from "../src/index.ts";
import { dkim, verify } from "../src/index.ts";
import { HEADER, bytesOf, dnsOf, ed, inPieces, mailOf, rsa, signed, verdicts } from "./support.ts";

const signers: readonly Signer[] = [ed, { ...rsa, canonicalization: "simple/simple" }];
const large = bytesOf(HEADER, "A line of the text, with  white space \t \r\n".repeat(5000));

describe("bodies", () => {
  it.each([
    ["empty", ""],
    ["nothing but CRLF", "\r\n".repeat(100_000)],
    ["CRLF and then a word", `${"\r\n".repeat(100_000)}end`],
    ["without a CRLF at the end", "text"],
    ["white space only", " \t ".repeat(50_000)],
    ["white space at the end of every line", "a \t\r\n \r\nb \r\n \r\n"],
    ["8-bit", "Grüße, 你好\r\n"],
    ["with a line of 500 KB", "x ".repeat(250_000)],
  ])("#68: signs a body that is %s, in one piece or many", async (_, body) => {
    const bytes = bytesOf(HEADER, body);
    expect(await verdicts(await signed(signers, bytes), ed, rsa)).toEqual(["pass", "pass"]);
    expect(await verdicts(await signed(signers, inPieces(bytes, 1013)), ed, rsa)).toEqual(["pass", "pass"]);
  });

  it("#68: signs a mail that has no body, nor the empty line before it", async () => {
    expect(await verdicts(await signed(signers, Buffer.from("From: hi@shop.example\r\n")), ed, rsa)).toEqual(["pass", "pass"]);
    expect((await signed(ed, Buffer.from("From: hi@shop.example"))).toString()).toMatch(/DKIM-Signature: [^]*From: hi@shop\.example$/);
  });

  it.each([
    ["a bare LF", "one\ntwo\r\n", "bare LF", 3],
    ["a bare CR", "one\rtwo\r\n", "bare CR", 3],
    ["a CR at its end", "one\r", "bare CR", 3],
    ["an LF at its start", "\none", "bare LF", 0],
  ])("#68: refuses a body with %s, wherever it is cut", async (_, body, what, offset) => {
    const bytes = bytesOf(HEADER, body);
    const message = `${what} at octet ${bytesOf(HEADER, "").byteLength + offset},`;
    await expect(signed(ed, bytes)).rejects.toThrow(message);
    for (const size of [1, 2, 3, 50]) await expect(signed(ed, inPieces(bytes, size))).rejects.toThrow(message);
  });

  it.each([
    ["a line that is no field", ["From: a@shop.example", "no field", "To: b@c"], /line 2 of the message is neither/],
    ["a continuation first", [" continued", "From: a@shop.example"], /line 1 of the message/],
    ["an mbox line", ["From me Thu Jan  1 00:00:00 2026", "From: a@shop.example"], /line 1 of the message/],
    ["more than a megabyte", ["From: a@shop.example", `X-Large: ${"x".repeat(1_100_000)}`], /header is larger than 1048576/],
  ])("#69: refuses a header with %s", async (_, header, message) => {
    await expect(signed(ed, bytesOf(header))).rejects.toThrow(message);
  });
});

describe("content that is not the same twice", () => {
  const other = Buffer.from(large.map((octet, at) => (at === large.byteLength - 100 ? 0x58 : octet)));
  const openings = (...each: readonly (() => ReturnType<Content["open"]>)[]): Content => {
    let opened = 0;
    return { open: () => each[Math.min(opened++, each.length - 1)]?.() ?? [] };
  };
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield large.subarray(0, 1000);
    await Promise.resolve();
    throw new Error("disk is gone");
  }

  it.each<[string, () => ReturnType<Content["open"]>, RegExp]>([
    ["has another byte", () => inPieces(other, 999).open(), /content changed after it was signed/],
    ["is longer", () => inPieces(Buffer.concat([large, Buffer.from("x\r\n")]), 999).open(), /content changed/],
    ["is shorter", () => inPieces(large.subarray(0, -10), 999).open(), /content changed/],
    ["is empty", () => [], /content changed/],
    ["fails half-way", failing, /disk is gone/],
  ])("#68: no mail leaves complete whose second reading %s", async (_, second, message) => {
    const got: Uint8Array[] = [];
    const next = fake({}, { read: false });
    await using pipeline = dkim(ed)(next);
    await pipeline.send(mailOf(openings(() => inPieces(large, 999).open(), second)));
    const content = next.calls[0]?.mail.content;
    const reading = (async () => {
      for await (const chunk of content?.open() ?? []) got.push(chunk);
    })();
    await expect(reading).rejects.toThrow(message);
    const all = Buffer.concat(got);
    expect(all.byteLength).toBeLessThan(content?.size ?? 0);
  });

  it("#68: nothing is handed on of a content that fails in the middle, and it is signed when it can be read", async () => {
    const next = fake();
    await using pipeline = dkim(ed)(next);
    const mail = mailOf(openings(failing, () => inPieces(large).open()));
    expect((await pipeline.send(mail)).outcomes[0]).toMatchObject({ kind: "deferred", status: "4.3.0", message: expect.stringContaining("disk is gone") });
    expect(next.calls).toHaveLength(0);
    expect((await pipeline.send(mail)).outcomes[0]?.kind).toBe("accepted");
  });

  it("#68: a content that is not of the size it says is not signed", async () => {
    await expect(signed(ed, { ...contentOf(large), size: large.byteLength + 1 })).rejects.toThrow(/4\.6\.0.*declares/);
  });

  it("reads large content that is not in memory a second time, and hands on the same bytes", async () => {
    const out = await signed(signers, inPieces(large, 1000));
    expect(out.subarray(-large.byteLength).equals(large)).toBe(true);
    expect(await verdicts(out, ed, rsa)).toEqual(["pass", "pass"]);
    expect(await verify({ content: inPieces(out, 5000) }, { resolveTxt: dnsOf(ed, rsa) })).toMatchObject({ passed: true });
  });
});

describe("memory", () => {
  it("D14: a body of 200 MB is signed and read again within 40 MB", async () => {
    const script = new URL("large-body.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, ["-C", "@postroad/source", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [out, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    expect(code).toBe(0);
    const [size, grown] = out.trim().split(" ").map(Number);
    expect(size).toBeGreaterThan(200_000_000);
    expect(grown).toBeLessThan(40_000_000);
  });
});
