import fc from "fast-check";
import PostalMime from "postal-mime";
import { describe, expect, it } from "vitest";
import type { RawPart } from "./mails.ts";
import { mailOf, partsOf, rejected, reportOf, statusOf } from "./mails.ts";

const HOSTILE = [
  "5.1.1 no\r\n\r\nFinal-Recipient: rfc822; other@example.net\r\nAction: delivered",
  "\u001b[2J\u0007 bell and colour \u202e txt.exe",
  "5.1.1 Benutzer unbekannt: jörg 郵箱 📮",
  "x".repeat(65_536),
  "📮".repeat(30_000),
  "a ".repeat(30_000),
  "\ud800 lone",
  "",
];

function wellFormed(bytes: Buffer, utf8: boolean): void {
  const text = bytes.toString(utf8 ? "utf8" : "latin1");
  expect(text).not.toMatch(utf8 ? /(?![\r\n])\p{Cc}|\u202e/u : /[^\r\n -~]/);
  expect(text).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
  for (const line of text.split("\r\n")) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(998);
}

/** The original, which no report of a short mail leaves out. */
function decoded({ encoding, body }: RawPart = { type: "", encoding: "", body: Buffer.alloc(0) }): Buffer {
  return encoding === "base64" ? Buffer.from(body.toString(), "base64") : body;
}

describe("a report of what others said", () => {
  it.each(HOSTILE)("B5: folds and escapes reply %#", async (text) => {
    for (const from of ["ann@example.org", "jörg@example.org"]) {
      const reply = { code: 550, text };
      const outcome = rejected("bob@example.net", { reply, message: `refused: ${text}`, diagnosis: { phase: text, advice: text } });
      const { bytes } = await reportOf({ mail: mailOf({ from }), outcomes: [outcome] });
      wellFormed(bytes, from.startsWith("j"));
      expect(bytes.length).toBeLessThan(30_000);
      const groups = statusOf(bytes);
      expect(groups).toHaveLength(2);
      expect(Object.keys(groups[1] ?? {})).toEqual(["Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code"]);
      expect(groups[1]).toMatchObject({ "Final-Recipient": "rfc822; bob@example.net", Action: "failed" });
    }
  });

  it("B9: addresses beyond ASCII in seven bits, and as they are for a sender who has one", async () => {
    const to = [{ address: "用户@example.net", originalRecipient: "utf-8;用+户@例.example" }];
    const ascii = await reportOf({ mail: mailOf({ to, rest: { smtputf8: true } }) });
    wellFormed(ascii.bytes, false);
    expect(ascii.report.envelope.smtputf8).toBeUndefined();
    expect(partsOf(ascii.bytes)[1]).toMatchObject({ type: "message/delivery-status", encoding: "7bit" });
    expect(statusOf(ascii.bytes)[1]).toMatchObject({
      "Original-Recipient": "utf-8; \\x{7528}\\x{2B}\\x{6237}@\\x{4F8B}.example",
      "Final-Recipient": "utf-8; \\x{7528}\\x{6237}@example.net",
    });
    expect((await PostalMime.parse(ascii.bytes)).text).toContain("用户@example.net");
    const utf8 = await reportOf({ mail: mailOf({ from: "jörg@bücher.example", to }) });
    expect(utf8.report.envelope).toEqual({ from: "", to: [{ address: "jörg@xn--bcher-kva.example" }], smtputf8: true });
    expect(partsOf(utf8.bytes)[1]).toMatchObject({ type: "message/global-delivery-status", encoding: "8bit" });
    expect(statusOf(utf8.bytes)[1]).toMatchObject({
      "Original-Recipient": "utf-8; 用+户@例.example",
      "Final-Recipient": "utf-8; 用户@example.net",
    });
  });

  it("B4: never cuts an address as long as they come", async () => {
    const address = `${"a".repeat(64)}@${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}.example`;
    const { bytes } = await reportOf({ mail: mailOf({ to: [address] }) });
    expect(statusOf(bytes)[1]?.["Final-Recipient"]).toBe(`rfc822; ${address}`);
  });

  it("B1, B5: whatever was said, the structure stays", async () => {
    const text = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ maxLength: 2000 }), fc.constantFrom(...HOSTILE));
    const original = fc.uint8Array({ maxLength: 3000 });
    await fc.assert(
      fc.asyncProperty(text, text, text, original, fc.boolean(), async (said, message, remote, content, utf8) => {
        const outcome = rejected("bob@example.net", { reply: { code: 550, text: said }, message, remote, diagnosis: { advice: message } });
        const to = [{ address: "bob@example.net", originalRecipient: said }];
        const mail = mailOf({ to, content, from: utf8 ? "jörg@x.example" : "ann@x.example", rest: { dsn: { envid: said } } });
        const { bytes } = await reportOf({ mail, outcomes: [outcome] });
        const parts = partsOf(bytes);
        expect(parts).toHaveLength(3);
        wellFormed(parts[1]?.body ?? Buffer.alloc(0), utf8);
        expect(statusOf(bytes)[1]).toMatchObject({ "Final-Recipient": "rfc822; bob@example.net", Action: "failed", Status: "5.1.1" });
        expect(utf8 || bytes.every((octet) => octet < 128)).toBe(true);
        expect(bytes.toString("latin1")).not.toMatch(/\0|\r(?!\n)|(?<!\r)\n|[^\r\n]{999}/);
        expect(decoded(parts[2]).equals(content)).toBe(true);
        expect((await PostalMime.parse(bytes)).text).toContain("mail system at mail.example.org");
      }),
      { numRuns: 150 },
    );
  });
});
