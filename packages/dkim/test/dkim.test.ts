import type { Content } from "@postroad/core";
import { contentOf, narrow } from "@postroad/core";
import { testMiddleware } from "@postroad/testing";
import type { Fake } from "@postroad/testing/fake";
import { fake } from "@postroad/testing/fake";
import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import type { Signer } from "../src/index.ts";
import { dkim } from "../src/index.ts";
import { HEADER, bytesOf, ed, inPieces, judge, dnsOf, mailOf, rsa, signed, tagsOf, verdicts } from "./support.ts";

testMiddleware({ name: "dkim", capabilities: ["rewrites"], open: (next) => dkim([rsa, ed])(next) });
testMiddleware({
  name: "dkim, unsigned",
  capabilities: ["rewrites"],
  open: (next) => dkim([{ ...rsa, domain: "a.example" }, { ...rsa, domain: "b.example" }], { otherwise: "unsigned" })(next),
});

describe("what is signed", () => {
  it("D1: signs with rsa-sha256 and ed25519-sha256, by the type of the key", async () => {
    expect(tagsOf(await signed(rsa)).get("a")).toBe("rsa-sha256");
    expect(tagsOf(await signed(ed)).get("a")).toBe("ed25519-sha256");
  });

  it("D5: has every tag it needs, and t=, x= and i= only on request", async () => {
    const now = Date.UTC(2026, 10, 22, 8);
    const plain = tagsOf(await signed(rsa));
    expect([...plain.keys()]).toEqual(["v", "a", "c", "d", "s", "h", "bh", "b"]);
    const signer: Signer = { ...rsa, timestamp: true, expiresIn: 3_600_500, identity: "ann@news.shop.example" };
    const full = tagsOf(await signed(signer, bytesOf(), { clock: () => now }));
    expect(full.get("t")).toBe(String(now / 1000));
    expect(full.get("x")).toBe(String(now / 1000 + 3601));
    expect(full.get("i")).toBe("ann@news.shop.example");
    expect(tagsOf(await signed({ ...rsa, expiresIn: 1000 })).has("t")).toBe(true);
  });

  it.each([
    ["From", "From: Other <other@shop.example>"],
    ["Subject", "Subject: Other"],
    ["To", "To: other@example.net"],
    ["Cc, though there is none", "Cc: other@example.net"],
    ["Reply-To, though there is none", "Reply-To: other@example.net"],
    ["Date", "Date: Mon, 23 Nov 2026 08:00:00 +0000"],
    ["Content-Type", "Content-Type: text/html"],
    ["Content-Transfer-Encoding, though there is none", "Content-Transfer-Encoding: base64"],
  ])("D6: the signature breaks where somebody adds another %s", async (_, line) => {
    const out = await signed([rsa, { ...ed, canonicalization: "simple/simple" }]);
    expect(await verdicts(out, rsa, ed)).toEqual(["pass", "pass"]);
    expect(await verdicts(Buffer.concat([Buffer.from(`${line}\r\n`), out]), rsa, ed)).not.toContain("pass");
  });

  it("D6: without oversigning it does not", async () => {
    const signer: Signer = { ...rsa, oversign: false };
    const out = Buffer.concat([Buffer.from("Cc: other@example.net\r\n"), await signed(signer)]);
    expect(await verdicts(out, signer)).toEqual(["pass"]);
  });

  it("D6: signs fields that repeat from the bottom up", async () => {
    const signer: Signer = { ...rsa, headers: ["From", "X-Step"], oversign: false };
    const out = await signed(signer, bytesOf(["X-Step: 2", "X-Step: 1", ...HEADER]));
    expect(tagsOf(out).get("h")).toBe("from:x-step:x-step");
    expect(await verdicts(out, signer)).toEqual(["pass"]);
    expect(await verdicts(Buffer.from(out.toString().replace("X-Step: 2", "X-Step: 3")), signer)).toEqual(["fail"]);
  });

  it("D7: leaves out what changes on the way, and covers MIME, List-Unsubscribe(-Post) and Message-ID", async () => {
    const extra = ["Return-Path: <a@b>", "Received: from x", "Comments: c", "Keywords: k", "Authentication-Results: x; none"];
    const list = ["List-Unsubscribe: <https://shop.example/u>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"];
    const names = tagsOf(await signed(rsa, bytesOf([...extra, ...list, ...HEADER]))).get("h")?.split(":") ?? [];
    for (const name of ["return-path", "received", "comments", "keywords", "authentication-results"]) expect(names).not.toContain(name);
    for (const name of ["mime-version", "content-type", "message-id", "list-unsubscribe", "list-unsubscribe-post"]) {
      expect(names.filter((each) => each === name)).toHaveLength(2);
    }
  });

  it("D8: never limits how much of the body is signed", async () => {
    const out = await signed([rsa, ed]);
    expect(tagsOf(out).has("l")).toBe(false);
    expect(await verdicts(Buffer.concat([out, Buffer.from("More.\r\n")]), rsa, ed)).not.toContain("pass");
  });

  it("D13: two signatures do not depend on one another", async () => {
    const out = (await signed([rsa, ed])).toString("latin1");
    const [one = "", two = "", rest = ""] = out.split(/(?=DKIM-Signature:)|(?=From:)/);
    expect(await verdicts(Buffer.from(one + two + rest, "latin1"), rsa, ed)).toEqual(["pass", "pass"]);
    expect(await verdicts(Buffer.from(two + one + rest, "latin1"), rsa, ed)).toEqual(["pass", "pass"]);
    expect(await verdicts(Buffer.from(two + rest, "latin1"), rsa, ed)).toEqual(["pass"]);
  });

  it("#66: names fields that are absent, and signs all of those that repeat", async () => {
    const signer: Signer = { ...rsa, headers: ["From", "X-None", "Subject"] };
    const out = await signed(signer, bytesOf(["Subject: one", ...HEADER]));
    expect(tagsOf(out).get("h")).toBe("from:from:x-none:subject:subject:subject");
    expect(await verdicts(out, signer)).toEqual(["pass"]);
    expect(await verdicts(Buffer.concat([Buffer.from("X-None: now\r\n"), out]), signer)).toEqual(["fail"]);
  });

  it("D12: d= and s= are A-labels, i= is UTF-8 only where the header is", async () => {
    const signer: Signer = { ...ed, domain: "Bücher.example", identity: "jörg=@bücher.example" };
    const ascii = tagsOf(await signed(signer));
    expect(ascii.get("d")).toBe("xn--bcher-kva.example");
    expect(ascii.get("i")).toBe("j=C3=B6rg=3D@xn--bcher-kva.example");
    const eai = await signed(signer, bytesOf(["From: Jörg <jörg@bücher.example>", "Subject: Grüße"]));
    expect(eai.toString("utf8")).toContain("i=jörg=3D@xn--bcher-kva.example");
    expect((await judge(eai, dnsOf(signer))).map(({ status }) => status.result)).toEqual(["pass"]);
  });
});

describe("a content is signed once", () => {
  function counted(bytes: Uint8Array, size?: number): { readonly content: Content; readonly opened: () => number } {
    let opened = 0;
    const source = size === undefined ? contentOf(bytes) : inPieces(bytes, size);
    const content: Content = { ...source, open: () => ((opened += 1), source.open()) };
    return { content, opened: () => opened };
  }

  function chunksOf({ calls: [call] }: Fake): Promise<readonly Uint8Array[]> {
    return Array.fromAsync(call?.mail.content.open() ?? []);
  }

  it("however often it is sent, to whomever: a retry carries the same bytes", async () => {
    let now = 0;
    const { content, opened } = counted(bytesOf());
    const next = fake();
    await using pipeline = dkim({ ...rsa, timestamp: true }, { clock: () => (now += 1000) })(next);
    const mail = mailOf(content);
    await Promise.all([pipeline.send(mail), pipeline.send(mail)]);
    await pipeline.send(narrow(mail, [{ address: "ann@example.net" }]));
    expect(opened()).toBe(1);
    expect(next.calls.map(({ bytes }) => Buffer.from(bytes ?? []).toString("base64"))).toEqual(Array(3).fill(
      Buffer.from(next.calls[0]?.bytes ?? []).toString("base64"),
    ));
  });

  it("in two pipelines too, where one rewrite stands in both", async () => {
    const { content, opened } = counted(bytesOf());
    const [sign, a, b] = [dkim(rsa), fake(), fake()];
    await using first = sign(a);
    await using second = sign(b);
    await first.send(mailOf(content));
    await second.send(mailOf(content));
    expect(opened()).toBe(1);
    expect(a.calls[0]?.bytes).toEqual(b.calls[0]?.bytes);
  });

  it("goes out in one chunk where it is small, and without a copy where it is in memory", async () => {
    const small = fake();
    await using one = dkim(rsa)(small);
    await one.send(mailOf(inPieces(bytesOf())));
    expect(await chunksOf(small)).toHaveLength(1);
    const bytes = bytesOf(HEADER, "line\r\n".repeat(100_000));
    const large = fake();
    await using two = dkim(rsa)(large);
    await two.send(mailOf(bytes));
    const chunks = await chunksOf(large);
    expect(chunks[1]).toBe(bytes);
    expect(large.calls[0]?.mail.content.size).toBe(large.calls[0]?.bytes?.byteLength);
  });

  it("is not given up by one who aborts while another waits", async () => {
    const stop = new AbortController();
    const next = fake();
    await using pipeline = dkim(rsa)(next);
    const mail = mailOf(inPieces(bytesOf(), 1));
    const [gone, stays] = [pipeline.send(mail, stop), pipeline.send(mail)];
    stop.abort();
    expect((await gone).outcomes[0]).toMatchObject({ kind: "deferred", status: "4.3.2" });
    expect((await stays).outcomes[0]?.kind).toBe("accepted");
  });
});
