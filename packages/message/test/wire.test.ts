import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMessage } from "../src/create.ts";
import type { Draft } from "../src/draft.ts";
import { MessageError } from "../src/errors.ts";
import { fieldsOf, fixed, mailUnlessRefused, minimal, rendered } from "./reading.ts";

const RUNS = 400;

/** Any text at all: controls, lone surrogates, what looks like syntax, very long words and very long gaps. */
const soup = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({
    unit: fc.constantFrom(...Array.from('abc  \t=?_<>@,;:"\\()[]éü日🎉\u2028\ud800\udfff'), "=?utf-8?q?", "?="),
    maxLength: 120,
  }),
  fc.string({ unit: fc.constantFrom("a", " ", "\r", "\n", "\0", "\u0085", "\r\nBcc: v@evil.example"), maxLength: 20 }),
  fc.integer({ min: 1, max: 3000 }).map((length) => "x".repeat(length)),
  fc.integer({ min: 1, max: 3000 }).map((length) => `a${" ".repeat(length)}b`),
);
const mailbox = fc.record({ address: fc.constantFrom("ann@example.net", "änn@example.net"), name: soup });
const LONG_NAME = "X-A-Very-Long-Name-That-Leaves-Hardly-Any-Room-For-A-Value-On-Its-Line";

/** One field with any text in it; a draft has two of them. */
const someField: fc.Arbitrary<Partial<Draft>> = fc.oneof(
  fc.record({ from: mailbox }),
  fc.record({ to: fc.array(mailbox, { minLength: 1, maxLength: 3 }) }),
  fc.record({
    to: fc.record({ name: soup, members: fc.array(mailbox, { maxLength: 2 }) }),
    bcc: fc.constant("dora@example.org"),
  }),
  fc.record({ subject: soup }),
  fc.record({ text: soup, html: soup }, { requiredKeys: [] }),
  fc.record({ headers: fc.record({ "X-Note": soup, [LONG_NAME]: soup }, { requiredKeys: [] }) }),
  fc.record({
    list: fc.record({ id: soup.map((words) => `${words} <a.b>`), help: soup.map((path) => `https://a.b/${path}`) }),
  }),
  fc.record({ inReplyTo: soup, references: fc.array(soup, { maxLength: 3 }) }, { requiredKeys: [] }),
  fc.record({ attachments: fc.array(fc.record({ filename: soup, content: soup }), { maxLength: 2 }) }),
  fc.record({ attachments: fc.array(fc.record({ type: soup, content: soup, contentId: soup }), { maxLength: 2 }) }),
  fc.record({
    alternatives: fc.array(fc.record({ type: fc.constant("text/x-more"), content: soup }), { maxLength: 1 }),
  }),
  fc.record({ messageId: soup }),
);
const anyDraft: fc.Arbitrary<Draft> = fc
  .tuple(someField, someField)
  .map(([one, other]) => ({ ...minimal, ...one, ...other }));

const ENCODED_WORD = /=\?UTF-8\?[QB]\?[^?\s]*\?=/g;
const NAMES = [
  "From",
  "To",
  "Subject",
  "Date",
  "Message-ID",
  "In-Reply-To",
  "References",
  "X-Note",
  LONG_NAME,
  "List-ID",
  "List-Help",
  "MIME-Version",
  "Content-Type",
  "Content-Transfer-Encoding",
  "Content-Disposition",
  "Content-ID",
];

function expectClean(mail: string, hasUtf8Address: boolean): void {
  expect(hasUtf8Address ? /\0/.test(mail) : /[\0\x80-\xff]/.test(mail)).toBe(false);
  expect(/\r(?!\n)|(?<!\r)\n/.test(mail)).toBe(false);
  expect(mail.endsWith("\r\n")).toBe(true);
  for (const line of mail.split("\r\n")) expect(line.length).toBeLessThanOrEqual(998);
}

function expectHeader(mail: string): void {
  const [header = ""] = mail.split("\r\n\r\n", 1);
  for (const line of header.split("\r\n")) {
    expect(line).toMatch(/[^\t ]/);
    const words = line.match(ENCODED_WORD) ?? [];
    for (const word of words) expect(word.length).toBeLessThanOrEqual(75);
    const columns = Buffer.from(line, "latin1").toString().length;
    expect(columns).toBeLessThanOrEqual(words.length > 0 ? 76 : 998);
  }
  const names = fieldsOf(mail).map((field) => field.slice(0, field.indexOf(":")));
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(NAMES).toContain(name);
}

describe("whatever a draft holds", () => {
  it("F1 F2 F3 C1 C11 #1 #2 #3 #13: it is refused, or its bytes are clean and no field is added", async () => {
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(anyDraft, async (draft) => {
        const mail = await mailUnlessRefused(draft);
        if (mail === undefined) return;
        sent += 1;
        expectClean(mail, JSON.stringify(draft).includes("änn@"));
        expectHeader(mail);
      }),
      { numRuns: RUNS },
    );
    expect(sent).toBeGreaterThan(RUNS / 8);
  });

  it("#3 F14: a subject of anything but controls arrives as it is, lone surrogates as U+FFFD", async () => {
    const oneLine = soup.filter((text) => !/[^\P{Cc}\t]/u.test(text));
    await fc.assert(
      fc.asyncProperty(oneLine, async (subject) => {
        const [value = ""] = fieldsOf(await rendered({ subject })).filter((field) => field.startsWith("Subject:"));
        expect(decoded(value.slice("Subject: ".length))).toBe(subject.toWellFormed());
      }),
      { numRuns: RUNS },
    );
  });
});

/** RFC 2047 by the letter: white space between encoded words goes, all other stays. */
function decoded(value: string): string {
  return value
    .replace(/(=\?UTF-8\?[QB]\?[^? ]*\?=)[ \t]+(?==\?UTF-8\?)/g, "$1")
    .replace(/(?:=\?UTF-8\?[QB]\?[^? ]*\?=)+/g, (run) =>
      Buffer.concat(
        Array.from(run.matchAll(/=\?UTF-8\?([QB])\?([^? ]*)\?=/g), ([, kind, text = ""]) => octetsOf(kind, text)),
      ).toString(),
    );
}

function octetsOf(kind: string | undefined, text: string): Buffer {
  if (kind === "B") return Buffer.from(text, "base64");
  const raw = text
    .replaceAll("_", " ")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(raw, "latin1");
}

describe("header lines", () => {
  it("F2: fold at 76 columns before white space that is there, which stays", async () => {
    const subject = `${"word ".repeat(15)}  three   spaces\tand a tab ${"more ".repeat(20)}end`;
    const mail = await rendered({ subject });
    const lines = (mail.split("\r\nDate:")[0] ?? "").split("\r\n").filter((line) => /^(?:Subject:|[ \t])/.test(line));
    expect(lines.length).toBe(3);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(76);
    expect(lines.join("")).toBe(`Subject: ${subject}`);
  });

  it("F2: a long token goes on a line of its own, whole", async () => {
    const id = `${"x".repeat(120)}@example.net`;
    const mail = await rendered({ references: [id, "b@x", id] });
    expect(mail).toContain(`\r\nReferences: <${id}>\r\n <b@x>\r\n <${id}>\r\n`);
  });

  it("#13: 5000 characters without a space are encoded into short lines", async () => {
    const mail = await rendered({ subject: "x".repeat(5000) });
    for (const line of mail.split("\r\n")) expect(line.length).toBeLessThanOrEqual(76);
    expect(
      decoded((await rendered({ subject: "x".repeat(5000) })).replace(/\r\n /g, " ").match(/Subject: (.*)/)?.[1] ?? ""),
    ).toBe("x".repeat(5000));
  });

  it("#13: 200 KB of words and 100 000 fields are folded, in linear time", async () => {
    const words = await rendered({ subject: "lorem ipsum ".repeat(17_000).trim() });
    expect(words.length).toBeGreaterThan(200_000);
    const headers = Array.from({ length: 100_000 }, (_, i) => ["X-N", String(i)] as const);
    expect(fieldsOf(await rendered({ headers })).filter((field) => field.startsWith("X-N: ")).length).toBe(100_000);
  });

  it("#18: texts made to hang a regex are read once", () => {
    const hostile = [
      "=?".repeat(100_000),
      "=?a?q?".repeat(50_000),
      " ".repeat(500_000),
      "a ".repeat(250_000),
      "\t \t".repeat(100_000),
      "?=".repeat(100_000),
    ];
    for (const subject of hostile) createMessage({ ...minimal, subject, headers: { "X-A": subject } }, fixed);
    for (const type of [
      `text/plain${";".repeat(400)}`,
      `text/plain; a="${"\\".repeat(400)}`,
      `text/${"a".repeat(1e6)}`,
      `text/plain${" ;a=b".repeat(1e5)}`,
    ]) {
      expect(() => createMessage({ ...minimal, attachments: [{ content: "", type }] }, fixed)).toThrow(MessageError);
    }
    expect(() => createMessage({ ...minimal, references: `${"<".repeat(500_000)} a` }, fixed)).toThrow(MessageError);
    expect(() => createMessage({ ...minimal, list: { id: "<".repeat(500_000) } }, fixed)).toThrow(MessageError);
    expect(() => createMessage({ ...minimal, list: { id: `${" ".repeat(500_000)}x` } }, fixed)).toThrow(MessageError);
  });
});

describe("F14: encoded words", () => {
  it("hold whole characters and stay within 75 columns, 76 with their line", async () => {
    const mail = await rendered({ subject: "👩‍👩‍👧‍👦 日本語のとても長い件名です。".repeat(8) });
    const words = mail.match(ENCODED_WORD) ?? [];
    expect(words.length).toBeGreaterThan(8);
    for (const word of words) expect(decoded(word)).not.toContain("\ufffd");
  });

  it.each([
    ["ü", "x", 49, 1],
    ["ü", "x", 50, 2],
    ["日", "本", 12, 1],
    ["日", "本", 13, 2],
  ])("use every column there is: %s and %s × %i", async (first, rest, count, lines) => {
    const mail = await rendered({ subject: first + rest.repeat(count) });
    const [subject = ""] = /Subject: .*\r\n(?: .*\r\n)*/.exec(mail) ?? [];
    expect(subject.match(ENCODED_WORD)?.length).toBe(lines);
    expect(subject.indexOf("\r\n")).toBeGreaterThanOrEqual(73);
  });

  it("take the words that need them and leave the rest readable", async () => {
    expect(await rendered({ subject: "Order 12 für Ann is on its way" })).toContain(
      "\r\nSubject: Order 12 =?UTF-8?Q?f=C3=BCr?= Ann is on its way\r\n",
    );
  });

  it("keep white space at either end, which would be lost", async () => {
    expect(await rendered({ subject: " a b " })).toContain("\r\nSubject: =?UTF-8?Q?_a_b_?=\r\n");
  });

  it.each([
    ["=?utf-8?Q?evil?=", "=?UTF-8?Q?=3D=3Futf-8=3FQ=3Fevil=3F=3D?="],
    ["see =?x?= ok", "see =?UTF-8?B?PT94Pz0=?= ok"],
  ])("F15: %s, which looks like one, is encoded", async (subject, encoded) => {
    expect(await rendered({ subject })).toContain(`\r\nSubject: ${encoded}\r\n`);
    expect(await rendered({ from: { address: "ann@example.net", name: subject } })).not.toContain(subject);
  });

  it("never stand in a quoted string, an address, a Message-ID or a field that has no place for them", async () => {
    const mail = await rendered({ from: { name: 'Ä "B" C', address: "ann@bücher.example" } });
    expect(mail).toContain("From: =?UTF-8?Q?=C3=84_=22B=22_C?= <ann@xn--bcher-kva.example>\r\n");
    expect(() => createMessage({ ...minimal, headers: { "Auto-Submitted": "ja, natürlich" } })).toThrow(MessageError);
    expect(() => createMessage({ ...minimal, messageId: "ä@example.net" })).toThrow(MessageError);
  });

  it("are used for a name too long for one quoted string", async () => {
    const name = `${"Very, ".repeat(20)}long`;
    const mail = await rendered({ to: { name, address: "bob@example.org" } });
    expect(mail).toMatch(/\r\nTo: =\?UTF-8\?Q\?/);
    for (const line of mail.split("\r\n")) expect(line.length).toBeLessThanOrEqual(76);
  });
});
