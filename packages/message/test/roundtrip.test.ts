import { Buffer } from "node:buffer";
import { readAll } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMessage } from "../src/create.ts";
import type { Draft } from "../src/draft.ts";
import type { Reading } from "./reading.ts";
import { fixed, readByMailparser, readByPostalMime } from "./reading.ts";

const scripts = {
  latin: "abc XYZ 0123 éüßñøÅ —’“” ",
  cjk: "日本語 中文簡繁 한국어 、。「」 a1 ",
  rtl: "שלום עולם العربية فارسی ،؟ a1 ",
  emoji: "👍🏽👩‍👩‍👧‍👦🇩🇪❤️🎉 a1 ",
  syntax: 'a,b;c:d <e>@"f" \\g (h) [i] =?utf-8?q?x?= = _ . ',
};
const readers = [readByPostalMime, readByMailparser];

function units(alphabet: string): fc.Arbitrary<string> {
  return fc.constantFrom(...Array.from(new Intl.Segmenter().segment(alphabet), ({ segment }) => segment));
}

/** Header text as people write it: nothing but single spaces between words. */
function line(alphabet: string, maxLength: number): fc.Arbitrary<string> {
  return fc
    .string({ unit: units(alphabet), minLength: 1, maxLength })
    .map((text) => text.replace(/\s+/g, " ").trim())
    .filter((text) => text !== "");
}

function lines(alphabet: string): fc.Arbitrary<string> {
  return fc.string({
    unit: fc.oneof(
      { weight: 8, arbitrary: units(alphabet) },
      fc.constantFrom("\n", "\r\n", ".", "From ", "--=_", " \n"),
    ),
    maxLength: 400,
  });
}

const address = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(?:\.[a-z0-9]{1,6})?@[a-z][a-z0-9]{0,10}\.example$/);

function person(alphabet: string): fc.Arbitrary<{ name: string; address: string }> {
  return fc.record({ name: line(alphabet, 60), address });
}

function file(alphabet: string): fc.Arbitrary<{ filename: string; bytes: Uint8Array }> {
  const filename = line(alphabet, 80).map((name) => `${name.replace(/[/\\]/g, "-")}.bin`);
  return fc.record({ filename, bytes: fc.uint8Array({ maxLength: 300 }) });
}

function drafts(alphabet: string): fc.Arbitrary<{ draft: Draft; files: { filename: string; bytes: Uint8Array }[] }> {
  return fc
    .record({
      from: person(alphabet),
      to: fc.uniqueArray(person(alphabet), { minLength: 1, maxLength: 5, selector: (one) => one.address }),
      subject: line(alphabet, 200),
      text: lines(alphabet),
      html: lines(alphabet).map((text) => `<p>${text}</p>`),
      files: fc.array(file(alphabet), { maxLength: 3 }),
    })
    .map(({ files, ...draft }) => ({
      draft: {
        ...draft,
        attachments: files.map(({ filename, bytes }) => ({
          filename,
          content: bytes,
          type: "application/octet-stream",
        })),
      },
      files,
    }));
}

/** Line ends as a reader may count them, and none at the end. */
function canonical(text: string): string {
  return text.replace(/\r\n?|\n/g, "\n").trimEnd();
}

function expectSame(reading: Reading, draft: Draft, files: readonly { filename: string; bytes: Uint8Array }[]): void {
  expect(reading.from).toEqual([draft.from]);
  expect(reading.to).toEqual(draft.to);
  expect(reading.subject).toBe(draft.subject);
  expect(canonical(reading.text)).toBe(canonical(draft.text ?? ""));
  expect(canonical(reading.html)).toBe(canonical(draft.html ?? ""));
  expect(reading.files).toEqual(files.map(({ filename, bytes }) => ({ filename, bytes: Buffer.from(bytes) })));
}

describe("what two parsers read back is what was written", () => {
  it.each(Object.entries(scripts))("F14, F16, F10, F11, F13: %s", async (_, alphabet) => {
    await fc.assert(
      fc.asyncProperty(drafts(alphabet), async ({ draft, files }) => {
        const bytes = await readAll(createMessage(draft, fixed).content);
        for (const read of readers) expectSame(await read(bytes), draft, files);
      }),
      { numRuns: 60 },
    );
  });
});
