import type { Content } from "@postroad/core";
import { readAll } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageError } from "../src/errors.ts";
import type { RawMailOptions } from "../src/raw.ts";
import { fieldValue, rawMail, readHeader } from "../src/raw.ts";

/** The same bytes in pieces of these lengths, over and over, as a stream gives them. */
function inPieces(bytes: Uint8Array, lengths: readonly number[]): Content {
  async function* read(): AsyncGenerator<Uint8Array> {
    let at = 0;
    for (let i = 0; at < bytes.length; i += 1) {
      const length = lengths[i % lengths.length] ?? 1;
      yield bytes.subarray(at, at + length);
      at += length;
    }
  }
  return { open: read };
}

/** What is sent, or why nothing is. */
async function sent(source: Uint8Array | Content, options: RawMailOptions = {}): Promise<string> {
  try {
    const mail = await rawMail(source, options);
    const bytes = Buffer.from(await readAll(mail.content));
    expect(mail.content.size).toBe(bytes.length);
    return bytes.toString("latin1");
  } catch (error) {
    if (error instanceof MessageError) return `refused: ${error.message}`;
    throw error;
  }
}

const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
const name = fc.stringMatching(/^[!-9;-~]{1,12}$/).filter((text) => !/^(?:resent-|bcc$|from$|date$)/i.test(text));
const line = fc.stringMatching(/^[ -~]{0,20}[!-~]$/);
const field = fc
  .tuple(name, fc.array(line, { minLength: 1, maxLength: 3 }))
  .map(([key, lines]) => ({ key, value: lines.map((text) => text.trim()).join("\r\n ") }));
const fields = fc.uniqueArray(field, { selector: ({ key }) => key.toLowerCase(), maxLength: 8 });
const body = fc.string({ unit: fc.constantFrom("a", ".", "\r\n", " ", "\u00ff", "From "), maxLength: 60 });
const envelope = { from: "ann@example.net", to: "bob@example.net" };

/** Bytes of the kind that break parsers. */
const soup = fc
  .array(
    fc.constantFrom("\r\n", "\r", "\n", "\0", " ", "\t", ":", "From: a@x\r\n", "Date: x\r\n", "To: b@x\r\n", "Bcc: c@x\r\n", "x", "\u00ff"),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.from(parts.join(""), "latin1"));

describe("properties of raw mail", () => {
  it("#14: a well-formed mail travels byte for byte, Bcc apart, however it comes in pieces", async () => {
    const mail = fc.tuple(fields, body, fc.nat(8), lengths);
    await fc.assert(
      fc.asyncProperty(mail, async ([some, text, place, pieces]) => {
        const kept = ["From: ann@example.net", "Date: 1 Jan 2026 00:00 +0000", ...some.map(({ key, value }) => `${key}: ${value}`)];
        const all = kept.toSpliced(place, 0, "Bcc: c@x,\r\n d@x");
        const bytes = Buffer.from(`${all.join("\r\n")}\r\n\r\n${text}`, "latin1");
        const expected = `${kept.join("\r\n")}\r\n\r\n${text}`;
        expect(await sent(bytes, { envelope })).toBe(expected);
        expect(await sent(inPieces(bytes, pieces), { envelope })).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });

  it("#14 #15: any bytes are sent or refused, for the same reason in whatever pieces", async () => {
    await fc.assert(
      fc.asyncProperty(soup, lengths, async (bytes, pieces) => {
        for (const repair of [{}, { blankLine: true, blankFolds: true, date: new Date(0) }, { lineEnds: true }]) {
          const whole = await sent(bytes, { envelope, repair });
          expect(await sent(inPieces(bytes, pieces), { envelope, repair })).toBe(whole);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("C1 C11: what is sent has no bare CR or LF, no NUL, no long line and no Bcc, whatever is repaired", async () => {
    const options = { envelope, repair: { lineEnds: true, blankLine: true, blankFolds: true, date: new Date(0) } };
    await fc.assert(
      fc.asyncProperty(soup, async (tail) => {
        const text = await sent(Buffer.concat([Buffer.from("From: a@x\r\n"), tail]), options);
        expect(text).toMatch(/^(?:(?:[^\r\n\0]{0,998}\r\n)*[^\r\n\0]{0,998}|refused: [^]*)$/);
        expect(text.split("\r\n\r\n")[0]).not.toMatch(/^bcc:/im);
      }),
      { numRuns: 1000 },
    );
  });

  it("#14: repaired line ends say what the lines were", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom("a", "\r", "\n", "\r\n", " "), maxLength: 60 }), lengths, async (text, pieces) => {
        const bytes = Buffer.from(`From: a@x\nDate: 1 Jan 2026 00:00 +0000\n\n${text}`);
        const expected = `From: a@x\r\nDate: 1 Jan 2026 00:00 +0000\r\n\r\n${text.replaceAll(/\r\n|\r|\n/g, "\r\n")}`;
        const options = { envelope, repair: { lineEnds: true } };
        expect(await sent(bytes, options)).toBe(expected);
        expect(await sent(inPieces(bytes, pieces), options)).toBe(expected);
      }),
    );
  });

  it("F8: readHeader finds each field where it stands", () => {
    fc.assert(
      fc.property(fields, body, (some, text) => {
        const written = some.map(({ key, value }) => `${key}: ${value}\r\n`);
        const bytes = Buffer.from(`${written.join("")}\r\n${text}`, "latin1");
        const header = readHeader(bytes);
        expect(header.fields.map(({ start, end }) => bytes.toString("latin1", start, end))).toEqual(written);
        expect(header.fields.map((one) => [one.name, fieldValue(bytes, one)])).toEqual(
          some.map(({ key, value }) => [key, value.replaceAll("\r\n", "")]),
        );
        expect(bytes.toString("latin1", header.end)).toBe(`\r\n${text}`);
        expect(bytes.toString("latin1", header.body)).toBe(text);
      }),
    );
  });
});

describe("readHeader", () => {
  it("#15: says which line is no header, and reads a header without a body", () => {
    expect(() => readHeader(Buffer.from("A: 1\r\nB\r\n"))).toThrow(/^line 2: is neither/);
    expect(() => readHeader(Buffer.from("A: 1\r\n  \r\n"))).toThrow(/^line 2: holds only white space/);
    expect(() => readHeader(Buffer.from(" A: 1\r\n"))).toThrow(/^line 1: continues/);
    const bytes = Buffer.from("A: 1\r\nB : 2\r\n 3");
    const header = readHeader(bytes);
    expect(header).toMatchObject({ end: bytes.length, body: bytes.length });
    expect(header.fields.map((one) => [one.name, fieldValue(bytes, one), one.line])).toEqual([
      ["A", "1", 1],
      ["B", "2 3", 2],
    ]);
  });

  it("#13: keeps to its limits", () => {
    expect(() => readHeader(Buffer.from("A: 1\r\nB: 2\r\n\r\n"), { maxHeaderFields: 1 })).toThrow(/more than 1 fields/);
    expect(() => readHeader(Buffer.from("A: 1\r\nB: 2\r\n\r\n"), { maxHeaderSize: 8 })).toThrow(/past 8 octets/);
    expect(readHeader(Buffer.from("A: 1\r\n\r\nbody"), { maxHeaderSize: 6 }).fields).toHaveLength(1);
    expect(() => readHeader(Buffer.from("A: 1\r\n\r\nbody"), { maxHeaderSize: 5 })).toThrow(/past 5 octets/);
    expect(readHeader(new Uint8Array()).fields).toEqual([]);
  });
});
