import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Content, Mail } from "@postroad/core";
import { ConfigError, Refusal, contentOf, readAll } from "@postroad/core";
import { describe, expect, it } from "vitest";
import type { MessageIssue } from "../src/errors.ts";
import { MessageError } from "../src/errors.ts";
import { file } from "../src/file.ts";
import type { RawMailOptions } from "../src/raw.ts";
import { rawMail } from "../src/raw.ts";

const DATE = "Date: Mon, 2 May 2005 16:07:05 -0600";

/** A mail of these header lines, From and Date added. */
function mailOf(lines: readonly string[], body = "Hello\r\n"): string {
  return `${["From: Ann <ann@example.net>", DATE, ...lines].join("\r\n")}\r\n\r\n${body}`;
}

async function textOf(mail: Mail): Promise<string> {
  return Buffer.from(await readAll(mail.content)).toString("latin1");
}

async function issuesOf(source: string | Uint8Array | Content, options: RawMailOptions = {}): Promise<readonly MessageIssue[]> {
  const error: unknown = await rawMail(source, options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MessageError);
  return error instanceof MessageError ? error.issues : [];
}

async function expectRefused(source: string | Uint8Array, path: string, why: RegExp, options: RawMailOptions = {}): Promise<void> {
  const [issue] = await issuesOf(source, options);
  expect(issue).toMatchObject({ path, message: expect.stringMatching(why) });
}

async function envelopeOf(lines: readonly string[], options: RawMailOptions = {}): Promise<string> {
  const { envelope } = await rawMail(mailOf(lines), options);
  return `${envelope.from} > ${envelope.to.map(({ address }) => address).join(" ")}`;
}

describe("the envelope of a raw mail", () => {
  it("U25: comes from From, To, Cc and Bcc, each mailbox once", async () => {
    const lines = ["To: b@x, Team: c@x, D <d@x>;", "Cc: B <b@X>", "Bcc: e@x", "Reply-To: no@x"];
    expect(await envelopeOf(lines)).toBe("ann@example.net > b@x c@x d@x e@x");
  });

  it("F1: comes from Sender rather than From; several authors need one", async () => {
    expect(await envelopeOf(["Sender: s@x", "To: b@x"])).toBe("s@x > b@x");
    const two = mailOf(["To: b@x"]).replace("ann@example.net>", "ann@example.net>, bo@x");
    await expectRefused(two, "From (line 1)", /names 2 mailboxes/);
    expect((await rawMail(two, { envelope: { from: "s@x" } })).envelope.from).toBe("s@x");
  });

  it("F8: comes from the newest block of Resent-* fields alone, where there is any", async () => {
    const newest = ["Resent-From: n@x, m@x", "Resent-Sender: n@x", "Resent-To: new@x", "Resent-Bcc: hidden@x"];
    const older = ["Resent-From: o@x", "Resent-To: old@x", "Resent-Cc: old2@x"];
    const rest = ["Sender: s@x", "To: b@x", "Bcc: c@x"];
    expect(await envelopeOf([...newest, ...older, ...rest])).toBe("n@x > new@x hidden@x");
    expect(await envelopeOf([...newest, "Received: by x", ...older, ...rest])).toBe("n@x > new@x hidden@x");
    const [cc, from] = ["Resent-Cc: old@x", "Resent-From: o@x"];
    expect(await envelopeOf([...newest, "Received: by x", cc, from, ...rest])).toBe("n@x > new@x hidden@x");
    await expectRefused(mailOf(["Resent-From: n@x", ...rest]), "to", /names nobody/);
  });

  it("U25 F8: Bcc and Resent-Bcc are cut wherever and however they stand, and nothing else", async () => {
    const source = mailOf(["Bcc: a@x", "To: b@x", "bCC : c@x,\r\n\td@x", "X: bcc: 1", "Resent-bcc:e@x", "Subject: s", "BCC-X: 1"]);
    await expectRefused(source, "line 5", /second bCC; line 3/);
    const mail = await rawMail(source.replace("Bcc: a@x\r\n", ""), { envelope: { from: "a@x", to: "z@x" } });
    expect(await textOf(mail)).toBe(mailOf(["To: b@x", "X: bcc: 1", "Subject: s", "BCC-X: 1"]));
    expect(mail.content.size).toBe(Buffer.byteLength(await textOf(mail)));
  });

  it("U25: only Bcc names anybody, or it is empty", async () => {
    expect(await envelopeOf(["Bcc: b@x"])).toBe("ann@example.net > b@x");
    expect(await envelopeOf(["To: b@x", "Bcc: ", "Cc:\r\n "], { repair: { blankFolds: true } })).toBe("ann@example.net > b@x");
    await expectRefused(mailOf([]), "to", /names nobody/);
  });

  it("C18: is what the options say: null reverse-path, VERP, DSN, REQUIRETLS", async () => {
    const envelope = { from: null, to: ["x@x", { address: "Y@y", notify: "never" as const }], requireTls: true };
    const mail = await rawMail(mailOf(["To: not an address"]), { envelope: { ...envelope, dsn: { ret: "hdrs", envid: "1" } } });
    expect(mail.envelope).toEqual({
      from: "",
      to: [{ address: "x@x" }, { address: "Y@y", notify: "never" }],
      requireTls: true,
      dsn: { ret: "hdrs", envid: "1" },
    });
  });

  it("#4: an address that the envelope needs and cannot be read is refused with its line", async () => {
    await expectRefused(mailOf(["X: y", "To: a@b.test<c@d>"]), "To (line 4)", /has "<" at character 9/);
    await expectRefused(mailOf(["To: b@x"]).replace("ann@example.net", "ann"), "From (line 1)", /@/);
  });

  it("reads folded and commented addresses", async () => {
    expect(await envelopeOf(["To: (the\r\n one) B\r\n <b(x)@\r\n\tx>,\r\n c@x"])).toBe("ann@example.net > b@x c@x");
  });

  it("#6: has a limit to its recipients", async () => {
    const source = mailOf([`To: ${"a@x,".repeat(50)}`, `Cc: ${"b@x,".repeat(51)}`]);
    expect((await issuesOf(source, { maxRecipients: 100 }))[0]).toMatchObject({ status: "5.5.3" });
    expect((await rawMail(source)).envelope.to).toHaveLength(2);
  });
});

describe("what a raw mail may not hold", () => {
  it.each([
    ["a bare LF in the body", mailOf(["To: b@x"], "one\r\ntwo\nthree"), "line 6", /^octet 4 is a bare LF/],
    ["a bare CR in the body", mailOf(["To: b@x"], "one\rtwo"), "line 5", /^octet 4 is a bare CR/],
    ["a CR at the very end", mailOf(["To: b@x"], "one\r"), "line 5", /^octet 4 is a bare CR/],
    ["CR CR LF", mailOf(["To: b@x"], "\r\r\n"), "line 5", /^octet 1 is a bare CR/],
    ["a bare LF in the header", mailOf(["To: b@x\nBcc: evil@x"]), "line 3", /^octet 8 is a bare LF/],
    ["LF alone at every line end", mailOf(["To: b@x"]).replaceAll("\r\n", "\n"), "line 1", /^octet 28 is a bare LF/],
    ["CR alone at every line end", mailOf(["To: b@x"]).replaceAll("\r\n", "\r"), "line 1", /^octet 28 is a bare CR/],
    ["NUL", mailOf(["To: b@x"], "a\0"), "line 5", /^octet 2 is NUL/],
    ["the smuggler's end of data", mailOf(["To: b@x"], "x\n.\r\nMAIL FROM:<a@b>"), "line 5", /bare LF/],
    ["a line of 999 octets", mailOf(["To: b@x"], "y".repeat(999)), "line 5", /^octet 999 is one too many/],
    ["a header line of 999 octets", mailOf([`To: b@x`, `X: ${"y".repeat(996)}`]), "line 4", /^octet 999/],
  ])("C1 C11 #13 #14: %s", async (_, source, path, why) => {
    await expectRefused(source, path, why);
  });

  it("C11: but lines of 998 octets, 8-bit bodies, and a last line without an end", async () => {
    const source = mailOf(["To: b@x", `X: ${"y".repeat(995)}`], `${"z".repeat(998)}\r\n\u00ff\u0001\u001b`);
    const bytes = Buffer.from(source, "latin1");
    expect(Buffer.from(await readAll((await rawMail(bytes)).content)).equals(bytes)).toBe(true);
  });

  it.each([
    ["a byte order mark", `\ufeff${mailOf(["To: b@x"])}`, "line 1", /byte order mark/],
    ["an mbox From line", `From a@x Mon May\r\n${mailOf(["To: b@x"])}`, "line 1", /mbox/],
    ["a continuation before any field", ` x\r\n${mailOf(["To: b@x"])}`, "line 1", /none stands before/],
    ["a line that is no field", mailOf(["To: b@x", "Hello"]), "line 4", /neither a header field/],
    ["a field name with a space in it", mailOf(["To: b@x", "Bcc c: d@x"]), "line 4", /neither a header field/],
    ["an empty name", mailOf(["To: b@x", ": d@x"]), "line 4", /neither a header field/],
    ["a line of white space that may end the header", mailOf(["To: b@x", "X: y", " \t", " z"]), "line 5", /only white space/],
    ["no blank line before the body", mailOf(["To: b@x"]).replace("\r\n\r\n", "\r\n"), "line 4", /neither a header field/],
  ])("#14 #15: %s in the header", async (_, source, path, why) => {
    await expectRefused(source, path, why);
  });

  it.each([
    ["From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject", "Date"],
    ["MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID"],
  ].flat())("F1 #15: a second %s", async (name) => {
    const value = name === "From" || name === "Date" ? [] : [`${name}: b@x`];
    const source = mailOf([...value, `${name.toUpperCase()} : b@x`]);
    const issues = await issuesOf(source, { envelope: { from: "a@x", to: "b@x" } });
    expect(issues).toEqual([expect.objectContaining({ message: expect.stringMatching(/^is a second .*; line \d has the first/) })]);
  });

  it("F1 #12: no From, no Date; all that is wrong with the fields is told at once", async () => {
    const issues = await issuesOf("To: b@x\r\nTo: c@x\r\n\r\n", { envelope: { from: "a@x", to: "b@x" } });
    expect(issues.map(({ path }) => path)).toEqual(["line 2", "From", "Date"]);
    expect((await issuesOf("", { envelope: { from: "a@x", to: "b@x" } })).map(({ path }) => path)).toEqual(["From", "Date"]);
    expect((await issuesOf("\r\nFrom: a@x\r\n")).map(({ path }) => path)).toEqual(["From", "Date", "to"]);
  });

  it("F8: fields that may repeat keep their order", async () => {
    const source = mailOf(["Received: by a", "Received: by b", "Comments: 1", "X-A: 1", "Comments: 2", "X-A: 2", "To: b@x"]);
    expect(await textOf(await rawMail(source))).toBe(source);
  });

  it("#50: more than 100 Received fields", async () => {
    const received = (count: number): string => mailOf([...Array.from({ length: count }, () => "received: x"), "To: b@x"]);
    expect(await issuesOf(received(101))).toMatchObject([{ path: "Received", status: "5.4.6" }]);
    expect(await rawMail(received(100))).toBeDefined();
  });

  it("#13: a header past its limits, in octets or fields", async () => {
    await expectRefused(mailOf([...Array.from({ length: 1000 }, () => "X: y"), "To: b@x"]), "line 1001", /more than 1000 fields/);
    const long = mailOf([...Array.from({ length: 900 }, () => `X: ${"y".repeat(990)}`), "To: b@x"]);
    await expectRefused(long, "line 207", /goes on past 204800 octets/, { maxHeaderSize: 204_800 });
    expect(await rawMail(long)).toBeDefined();
    await expectRefused(`${mailOf(["To: b@x"]).slice(0, -9)}${"X: y\r\n".repeat(200_000)}`, "line 1001", /more than 1000 fields/);
  });

  it("#13: more octets than maxSize", async () => {
    const source = mailOf(["To: b@x"]);
    expect(await issuesOf(source, { maxSize: source.length - 1 })).toMatchObject([{ path: "source", status: "5.3.4" }]);
    expect(await rawMail(source, { maxSize: source.length })).toBeDefined();
  });

  it("F3 #2: control characters in the header", async () => {
    await expectRefused(mailOf(["To: b@x", "Subject: \u001b$B"]), "line 4", /^octet 10 is a control/);
    await expectRefused(mailOf(["To: b@x", "Subject: \u000bBcc: x"]), "line 4", /control/);
    await expectRefused(mailOf(["Subject: \u007f", "To: b@x"]), "line 3", /control/);
  });
});

describe("UTF-8 in the header", () => {
  const source = mailOf(["Subject: Grüße", "To: b@x"]);

  it("F17 C36: is refused, unless smtputf8 allows it: then the envelope asks for SMTPUTF8", async () => {
    await expectRefused(source, "line 3", /^octet 12 is beyond ASCII/);
    const mail = await rawMail(source, { smtputf8: true });
    expect(mail.envelope.smtputf8).toBe(true);
    expect(Buffer.from(await readAll(mail.content)).toString()).toBe(source);
  });

  it("C36: is not asked for where nothing needs it, and is where an address of the envelope does", async () => {
    expect((await rawMail(mailOf(["To: b@x"]), { smtputf8: true })).envelope.smtputf8).toBeUndefined();
    const international = await rawMail(mailOf(["To: b@x"]), { envelope: { to: "jürgen@x" } });
    expect(international.envelope.smtputf8).toBe(true);
    const header = await rawMail(mailOf(["To: Jürgen <jürgen@bücher.example>"]), { smtputf8: true });
    expect(header.envelope).toMatchObject({ to: [{ address: "jürgen@xn--bcher-kva.example" }], smtputf8: true });
  });

  it("F17 #2: must be UTF-8, without what some take for a line break", async () => {
    const latin1 = Buffer.from(mailOf(["Subject: \u00fc", "To: b@x"]), "latin1");
    await expectRefused(latin1, "line 3", /is not UTF-8/, { smtputf8: true });
    for (const evil of ["\u0085", "\u2028", "\u2029", "\u0080"]) {
      await expectRefused(mailOf([`Subject: ${evil}`, "To: b@x"]), "line 3", /line break in UTF-8/, { smtputf8: true });
    }
  });
});

describe("repairs", () => {
  const good = mailOf(["To: b@x"], "a\r\n\r\nb\r\n");

  async function repaired(source: string, options: RawMailOptions["repair"]): Promise<string> {
    const mail = await rawMail(source, { repair: options ?? {} });
    const text = Buffer.from(await readAll(mail.content)).toString();
    expect(mail.content.size).toBe(Buffer.byteLength(text));
    return text;
  }

  it("#14 F21: line ends", async () => {
    expect(await repaired(good.replaceAll("\r\n", "\n"), { lineEnds: true })).toBe(good);
    expect(await repaired(good.replaceAll("\r\n", "\r"), { lineEnds: true })).toBe(good);
    expect(await repaired(good, { lineEnds: true })).toBe(good);
    expect(await repaired(`${good}x\n\ry`, { lineEnds: true })).toBe(`${good}x\r\n\r\ny`);
  });

  it("#14: a byte order mark, an mbox line, and both", async () => {
    expect(await repaired(`\ufeff${good}`, { byteOrderMark: true })).toBe(good);
    expect(await repaired(`From a@x Mon May\r\n${good}`, { mboxLine: true })).toBe(good);
    expect(await repaired(`\ufeffFrom a@x Mon May\r\n${good}`, { mboxLine: true, byteOrderMark: true })).toBe(good);
    await expectRefused(`From a@x\r\n${mailOf(["x"])}`, "line 4", /neither/, { repair: { mboxLine: true } });
  });

  it("#14: a missing blank line", async () => {
    const source = good.replace("\r\n\r\n", "\r\n");
    expect(await repaired(source, { blankLine: true })).toBe(good);
    expect(await repaired(`${source}Bcc: c@x\r\n`, { blankLine: true })).toBe(`${good}Bcc: c@x\r\n`);
  });

  it("#15: lines of white space in the header, in Bcc too", async () => {
    const folded = mailOf(["Subject: a", " \t", " b", "Bcc: c@x,", "  ", " d@x"]);
    expect(await repaired(folded, { blankFolds: true })).toBe(mailOf(["Subject: a", " b"]));
  });

  it("F7 #12: a Date that says no date and time is replaced, where it stands first, in the middle or folded", async () => {
    const date = new Date(Date.UTC(2026, 1, 3, 4, 5, 6));
    const rest = good.replace(`${DATE}\r\n`, "");
    for (const bad of ["Date:", "Date: yesterday", "DATE: Mon,\r\n 30 Feb 2026 00:00:00 +0000"]) {
      for (const source of [good.replace(DATE, bad), `${bad}\r\n${rest}`]) {
        expect(await repaired(source, { date })).toBe(`Date: Tue, 03 Feb 2026 04:05:06 +0000\r\n${rest}`);
      }
    }
  });

  it("F1 F7: a missing Date; one that is there stays", async () => {
    const date = new Date(Date.UTC(2026, 1, 3, 4, 5, 6));
    const source = good.replace(`${DATE}\r\n`, "");
    expect(await repaired(source, { date })).toBe(`Date: Tue, 03 Feb 2026 04:05:06 +0000\r\n${source}`);
    expect(await repaired(good, { date })).toBe(good);
    expect(await repaired(`From x\r\n${source}`, { date, mboxLine: true })).toMatch(/^Date: .*\r\nFrom: /);
  });

  it("#73: unknown ones are a ConfigError, also options", async () => {
    // @ts-expect-error: there is no such repair
    await expect(rawMail(good, { repair: { lineEnd: true } })).rejects.toThrow(/did you mean lineEnds/);
    // @ts-expect-error: there is no such option
    await expect(rawMail(good, { envelop: {} })).rejects.toThrow(/did you mean envelope/);
    await expect(rawMail(good, { repair: { date: new Date(Number.NaN) } })).rejects.toThrow(ConfigError);
    // @ts-expect-error: there is no such field
    await expect(rawMail(good, { envelope: { too: "x@x" } })).rejects.toThrow(MessageError);
  });
});

describe("the sources of a raw mail", () => {
  const source = mailOf(["To: b@x"]);

  it("has the id and meta given, else a random id", async () => {
    const given = await rawMail(source, { id: "order-1", meta: { tenant: "a" } });
    expect(given).toMatchObject({ id: "order-1", meta: { tenant: "a" } });
    const ids = [(await rawMail(source)).id, (await rawMail(source)).id];
    expect(ids[0]).toMatch(/^[\da-f-]{36}$/);
    expect(ids[0]).not.toBe(ids[1]);
    expect(await issuesOf(source, { id: "a\nb" })).toMatchObject([{ path: "id" }]);
    expect(await issuesOf(source, { id: "" })).toMatchObject([{ path: "id" }]);
    // @ts-expect-error: notes are strings
    expect(await issuesOf(source, { meta: { tries: 1 } })).toMatchObject([{ path: "meta.tries" }]);
  });

  it("is frozen, and its meta takes any key for data", async () => {
    const mail = await rawMail(source, { meta: JSON.parse('{"__proto__": "a"}') });
    expect([mail, mail.envelope, mail.envelope.to, mail.envelope.to[0], mail.meta].every(Object.isFrozen)).toBe(true);
    expect(Object.entries(mail.meta)).toEqual([["__proto__", "a"]]);
  });

  it("#9: a string is text, never a path", async () => {
    await expectRefused("/etc/passwd", "line 1", /neither a header field/);
    await expectRefused(`${source}\ud800`, "source", /lone surrogates/);
    // @ts-expect-error: no source
    await expect(rawMail(42)).rejects.toThrow(/must be bytes, text or file\(path\), not a number/);
  });

  it("bytes are not copied, however many there are", async () => {
    const bytes = Buffer.concat([Buffer.from(mailOf(["Bcc: b@x"])), Buffer.alloc(30_000_000, `${"x".repeat(70)}\r\n`)]);
    const chunks = await Array.fromAsync((await rawMail(bytes)).content.open());
    expect(chunks).toHaveLength(2);
    expect(chunks.every((chunk) => chunk.buffer === bytes.buffer)).toBe(true);
  });

  it("reads the bytes of a view, not of all that lies behind it", async () => {
    const whole = Buffer.from(`garbage${source}garbage`);
    const view = new Uint8Array(whole.buffer, whole.byteOffset + 7, source.length);
    expect(await textOf(await rawMail(view))).toBe(source);
  });

  it("#9 #10: a file streams with its Bcc cut out, and is deferred once it has changed", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postroad-raw-"));
    try {
      const path = join(directory, "mail.eml");
      const body = `${"x".repeat(70)}\r\n`.repeat(20_000);
      await writeFile(path, mailOf(["Bcc: b@x"], body));
      const mail = await rawMail(await file(path));
      const chunks = await Array.fromAsync(mail.content.open());
      expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024);
      expect(Buffer.concat(chunks).toString()).toBe(mailOf([], body));
      expect(mail.content.size).toBe(mailOf([], body).length);
      await appendFile(path, "more");
      await expect(readAll(mail.content)).rejects.toThrow(Refusal);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("opens other content as often as it is sent, and no more than it needs", async () => {
    let opened = 0;
    const content: Content = { open: () => ((opened += 1), contentOf(Buffer.from(source)).open()) };
    const mail = await rawMail(content);
    expect(opened).toBe(1);
    expect([await textOf(mail), await textOf(mail), opened]).toEqual([source, source, 3]);
  });
});
