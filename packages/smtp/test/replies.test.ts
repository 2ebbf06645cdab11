import type { Reply } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCapabilities, sizeLimit } from "../src/capabilities.ts";
import { isTooMany, statusOf, successOf } from "../src/failure.ts";
import { replyParser } from "../src/reply.ts";
import type { Build } from "./support.ts";
import { expectCertainDeferral, first, kinds, mail, plain, scripted } from "./support.ts";

interface Parsed {
  readonly replies: readonly Reply[];
  readonly fault: boolean;
}

function parse(bytes: Buffer, cuts: readonly number[]): Parsed {
  const replies: Reply[] = [];
  const parser = replyParser((reply) => void replies.push(reply));
  const offsets = [...new Set(cuts)].filter((cut) => cut < bytes.length).toSorted((a, b) => a - b);
  let from = 0;
  for (const to of [...offsets, bytes.length]) {
    if (parser.push(bytes.subarray(from, to)) !== undefined) return { replies, fault: true };
    from = to;
  }
  return { replies, fault: false };
}

const code = fc.integer({ min: 200, max: 599 });
const words = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => text.replace(/[\r\n]/g, ""));
const reply = fc.tuple(code, fc.array(words, { minLength: 1, maxLength: 5 }));

function wire([number, lines]: readonly [number, readonly string[]]): string {
  return lines.map((line, index) => `${number}${index === lines.length - 1 ? " " : "-"}${line}\r\n`).join("");
}

describe("replies: parser", () => {
  it("C5: replies of one or more lines, however they are cut", () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 6 }), fc.array(fc.nat(400)), (all, cuts) => {
        const bytes = Buffer.from(all.map(wire).join(""));
        const expected = all.map(([number, lines]) => ({ code: number, text: lines.join("\n") }));
        expect(parse(bytes, cuts)).toEqual({ replies: expected, fault: false });
      }),
    );
  });

  it("C5: any bytes give the same replies and the same verdict, however they are cut", () => {
    const junk = fc.array(fc.oneof(fc.constantFrom("250", "250-", "250 a", "\r\n", "\n", "\r", "\r\r\n", "421 x\r\n", "1"), fc.string({ maxLength: 3 })));
    fc.assert(
      fc.property(junk, fc.array(fc.nat(60)), (parts, cuts) => {
        const bytes = Buffer.from(parts.join(""));
        expect(parse(bytes, cuts)).toEqual(parse(bytes, []));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["250\r\n", ""], ["250 \r\n", ""], ["250-a\r\n250 b\r\n", "a\nb"], ["250-\r\n250\r\n", "\n"], ["250 a\n", "a"], ["250 a\r\r\n", "a"],
    ["250 é\r\n", "é"],
  ])("C5 C52: %j", (text, expected) => {
    expect(parse(Buffer.from(text), [])).toEqual({ replies: [{ code: 250, text: expected }], fault: false });
  });

  it.each([
    "250-a\r\n550 b\r\n", "25\r\n", "250?\r\n", "250ok\r\n", "150 a\r\n", "600 a\r\n", "\r\n", "HTTP/1.1 200 OK\r\n",
    "250-a\r250 b\r\n", "250 a\rb\r\n", "\x16\x03\x01\r\n", " 250 a\r\n",
  ])("C5 #20 #21: %j breaks the protocol", (text) => {
    expect(parse(Buffer.from(text, "latin1"), []).fault).toBe(true);
  });

  it("C50: a reply of 200 lines is read, one of more is refused, and so is one of over 64 KiB", () => {
    const lines = (count: number): Buffer => Buffer.from(wire([250, Array.from({ length: count }, () => "x")]));
    expect(parse(lines(200), []).fault).toBe(false);
    expect(parse(lines(201), []).fault).toBe(true);
    expect(parse(Buffer.from(`250 ${"x".repeat(65_000)}\r\n`), []).fault).toBe(false);
    for (const cuts of [[], [10], [65_000, 65_530]]) {
      expect(parse(Buffer.from(`250 ${"x".repeat(65_536)}\r\n`), cuts).fault).toBe(true);
      expect(parse(Buffer.from("x".repeat(65_537)), cuts).fault).toBe(true);
    }
  });

  it("C51: bytes that are no UTF-8 are read all the same", () => {
    expect(parse(Buffer.from("550 \xff\xfe\r\n", "latin1"), [5]).replies).toEqual([{ code: 550, text: "\ufffd\ufffd" }]);
  });
});

describe("replies: what they mean", () => {
  it.each([
    [550, "5.1.1 no", "5.1.1"], [450, "4.2.1 later", "4.2.1"], [550, "no", "5.0.0"], [452, "full", "4.3.1"], [421, "bye", "4.3.2"],
    [550, "5.1.1", "5.1.1"], [550, "5.1.1.1 no", "5.0.0"], [550, "5.1.1234 no", "5.0.0"], [599, "x", "5.0.0"], [499, "x", "4.0.0"],
    [550, "5.007.026 x", "5.7.26"], [535, "x", "5.7.8"],
  ])("C6 C44: %i %s is %s", (number, text, status) => {
    expect(statusOf({ code: number, text })).toBe(status);
  });

  it.each([[550, "4.2.2 full", "5.0.0"], [450, "5.1.1 no", "4.2.0"], [550, "2.0.0 ok", "5.0.0"]])(
    "#31: the code of %i %s outranks its enhanced status",
    (number, text, status) => expect(statusOf({ code: number, text })).toBe(status),
  );

  it("C44: 2.x.x of a positive reply, else 2.0.0", () => {
    expect(["2.1.5 ok", "ok", "4.1.1 what", "2.6.0 <id> queued"].map(successOf)).toEqual(["2.1.5", "2.0.0", "2.0.0", "2.6.0"]);
  });

  it.each([
    [452, "4.5.3 too many", true], [452, "too many", true], [552, "too many", true], [552, "5.5.3 too many", true],
    [452, "4.3.1 disk full", false], [552, "5.2.2 mailbox full", false], [450, "4.5.3", false],
  ])("C14: %i %s: too many recipients? %s", (number, text, expected) => {
    expect(isTooMany({ code: number, text })).toBe(expected);
  });

  it("#31: over the wire: 550 with 4.x.x rejects, 450 with 5.x.x defers", async () => {
    await using peer = await scripted((s) =>
      s
        .greet("PIPELINING")
        .expectGroup(/^MAIL/, /^RCPT/, /^RCPT/, /^RCPT/, "DATA")
        .reply("250 ok", "550 4.1.1 no", "450 5.1.1 no", "251 will forward", "354 go").expectData().reply("252 maybe"),
    );
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ to: ["a@x.example", "b@x.example", "c@x.example"] }));
    expect(receipt.outcomes).toMatchObject([
      { kind: "rejected", status: "5.0.0" }, { kind: "deferred", status: "4.2.0" }, { kind: "accepted", reply: { code: 252 } },
    ]);
  });
});

describe("replies: capabilities", () => {
  it("reads keywords in any case, with parameters, over several lines", () => {
    const found = readCapabilities({ code: 250, text: "host hello\npipelining\nSIZE 100\nAUTH PLAIN\nAUTH=LOGIN\n8BITMIME \n-bad\n" });
    expect([...found]).toEqual([["PIPELINING", ""], ["SIZE", "100"], ["AUTH", "PLAIN LOGIN"], ["8BITMIME", ""]]);
  });

  it("C43: SIZE with 0, without or with a senseless number is no limit", () => {
    const limits = ["SIZE", "SIZE 0", "SIZE x", "SIZE 10", "SIZE -1"].map((line) => sizeLimit(readCapabilities({ code: 250, text: `h\n${line}` })));
    expect(limits).toEqual([undefined, undefined, undefined, 10, undefined]);
  });
});

describe("replies: misbehaving servers", () => {
  const cases: readonly (readonly [string, Build, string, string])[] = [
    ["#20 C9: a greeting of 554", (s) => s.reply("554 5.3.2 go away").expectEnd(), "greeting", "4.3.2"],
    ["#20 C9: a greeting of 421", (s) => s.reply("421 4.3.2 busy").expectEnd(), "greeting", "4.3.2"],
    ["#20: a greeting of 220 without a space", (s) => s.send("220ready\r\n").expectEnd(), "greeting", "4.5.0"],
    ["#20: a greeting of 354", (s) => s.reply("354 go").expectEnd(), "greeting", "4.5.0"],
    ["#20: a greeting of HTTP", (s) => s.send("HTTP/1.1 400 Bad Request\r\n\r\n").expectEnd(), "greeting", "4.5.0"],
    ["#20: a greeting of TLS bytes", (s) => s.send(Buffer.from("150303000202280a", "hex")).expectEnd(), "greeting", "4.5.0"],
    ["#20: an endless line", (s) => s.flood("x".repeat(1000), 70).expectEnd(), "greeting", "4.5.0"],
    ["#20: an endless greeting", (s) => s.flood("220-hi\r\n".repeat(500)).expectEnd(), "greeting", "4.5.0"],
    ["#20: nothing, then the end", (s) => s.drop(), "greeting", "4.4.2"],
    ["#20: two greetings", (s) => s.reply("220 a", "220 b").expectEnd(), "greeting", "4.5.0"],
    ["#21: an EHLO reply of 10,000 lines", (s) => s.reply("220 a").expect(/^EHLO/).flood("250-X\r\n".repeat(500), 20).expectEnd(), "ehlo", "4.5.0"],
    ["#21: an EHLO reply with CR alone", (s) => s.reply("220 a").expect(/^EHLO/).send("250-a\r250-b\r250 c\r").expectEnd(), "ehlo", "4.5.0"],
    ["#21: an EHLO reply whose code changes", (s) => s.reply("220 a").expect(/^EHLO/).reply("250-a", "550 b").expectEnd(), "ehlo", "4.5.0"],
    ["#21 C31: a reply too many to EHLO", (s) => s.reply("220 a").expect(/^EHLO/).reply("250 a", "250 STARTTLS").expectEnd(), "ehlo", "4.5.0"],
    ["C4: EHLO refused with 550", (s) => s.reply("220 a").expect(/^EHLO/).reply("550 5.7.1 no").expectEnd(), "ehlo", "4.7.1"],
    ["C4: EHLO refused with 421", (s) => s.reply("220 a").expect(/^EHLO/).reply("421 4.7.0 no").expectEnd(), "ehlo", "4.7.0"],
  ];

  it.each(cases)("%s", async (_, build, phase, status) => {
    await using peer = await scripted(build);
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status, remote: `127.0.0.1:${peer.port}`, diagnosis: { phase } });
  });

  it.each([500, 502])("C4: HELO where EHLO gets %i", async (number) => {
    await using peer = await scripted((s) =>
      s
        .reply("220 old").expect("EHLO client.example").reply(`${number} what`).expect("HELO client.example").reply("250 hi")
        .expect(/^MAIL FROM:<\S+>$/).reply("250 ok").expect(/^RCPT/).reply("250 ok").expect("DATA").reply("354 go").expectData().reply("250 ok"),
    );
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
  });

  it("C5: every reply cut into single bytes", async () => {
    await using peer = await scripted((s) =>
      s
        .reply("220-a", "220 b").split(1).expect(/^EHLO/).reply("250-a", "250 PIPELINING").split(1)
        .expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "250-two", "250 lines", "354 go").split(1).expectData().reply("250 2.0.0 ok").split(1),
    );
    await using transport = plain(peer);
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "accepted", reply: { code: 250, text: "2.0.0 ok" } });
  });

  it("C51: what the server says reaches messages and transcript escaped, and the reply as it was", async () => {
    const text = "5.1.1 \x1b[31mred\x07\u0085\u2028\u202e end";
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", `550 ${text}`, "503 no"),
    );
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail()));
    expect(outcome).toMatchObject({ kind: "rejected", status: "5.1.1", reply: { code: 550, text } });
    const shown = JSON.stringify(["message" in outcome && outcome.message, "diagnosis" in outcome && outcome.diagnosis?.transcript]);
    expect(shown).toContain("u{1b}[31mred");
    expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  });

  it("C51: a line that is no reply is escaped too", async () => {
    await using peer = await scripted((s) => s.send("\x1b]0;evil\x07\x9b1m\r\n").expectEnd());
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail()));
    expect("message" in outcome && outcome.message).toContain("u{1b}]0;evil");
    expect("message" in outcome && outcome.message).not.toMatch(/\p{Cc}/u);
  });
});
