import { readFile } from "node:fs/promises";
import { Refusal } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import wabt from "wabt";
import { LineCheck } from "../src/lines.ts";
import { COLUMN_SHIFT, DOTS, EIGHT_BIT, MODULE, SUSPECT, scan } from "../src/scan.ts";

interface Verdict {
  readonly refused: string | undefined;
  readonly eightBit: boolean;
}

/** The rules again, one byte after the other. */
function byTheBook(bytes: Buffer): Verdict {
  let start = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const [before, byte, after] = [bytes[at - 1], bytes[at], bytes[at + 1]];
    if (byte === 13 && after !== undefined && after !== 10) return refusal(`a bare CR at octet ${at}`);
    if (byte === 10 && before !== 13) return refusal(`a bare LF at octet ${at}`);
  }
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] !== 10) continue;
    if (at - 1 - start > 998) return refusal(`a line over 998 octets at octet ${start}`);
    start = at + 1;
  }
  // Only the end tells that the last one is bare, or a line without an end too long.
  if (bytes.at(-1) === 13 && bytes.length - start <= 999) return refusal(`a bare CR at octet ${bytes.length - 1}`);
  if (bytes.length - start > 998) return refusal(`a line over 998 octets at octet ${start}`);
  return { refused: undefined, eightBit: bytes.some((byte) => byte > 127) };
}

function refusal(what: string): Verdict {
  return { refused: `the message has ${what}`, eightBit: false };
}

function checked(chunks: readonly Buffer[]): Verdict {
  const check = new LineCheck();
  try {
    for (const chunk of chunks) check.push(chunk);
    check.end();
    return { refused: undefined, eightBit: check.eightBit };
  } catch (error) {
    return { refused: error instanceof Refusal ? error.message : String(error), eightBit: false };
  }
}

const line = fc.oneof(
  { weight: 8, arbitrary: fc.nat(80).map((length) => "x".repeat(length)) },
  { weight: 2, arbitrary: fc.integer({ min: 996, max: 1000 }).map((length) => "y".repeat(length)) },
  fc.constantFrom(".", "..", ".x", "é"),
);
const ending = fc.oneof({ weight: 60, arbitrary: fc.constant("\r\n") }, fc.constantFrom("\r", "\n", "\n\r", "\r\r\n", ""));
const text = fc.array(fc.tuple(line, ending), { maxLength: 40 }).map((lines) => Buffer.from(lines.flat().join("")));

function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe("the look at every line", () => {
  it("C1: the same verdict as byte by byte, wherever it is cut", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 6 }), (bytes, places) => {
        const [whole, inPieces, wanted] = [checked([bytes]), checked(cut(bytes, places)), byTheBook(bytes)];
        expect(whole).toEqual(wanted);
        // Of several faults the cut decides which is seen first.
        expect([inPieces.refused === undefined, inPieces.eightBit]).toEqual([wanted.refused === undefined, wanted.eightBit]);
      }),
      { numRuns: 1000 },
    );
  });

  it("C2: finds every line that begins with a dot, wherever it is cut", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 6 }), (bytes, places) => {
        fc.pre(byTheBook(bytes).refused === undefined);
        const check = new LineCheck();
        for (const chunk of cut(bytes, places)) check.push(chunk);
        expect(check.dots || !/(?:^|\n)\./.test(bytes.toString("latin1"))).toBe(true);
      }),
    );
  });

  it.each([0, 16, 65_520, 65_536, 131_072])("C1: what is wrong at octet %i of a large mail is found there", (at) => {
    const clean = Buffer.from("0123456789abcd\r\n".repeat(9000));
    const [before, behind] = [clean.subarray(0, at), clean.subarray(at)];
    const refusedWith = (middle: string): string | undefined => checked([Buffer.concat([before, Buffer.from(middle), behind])]).refused;
    expect(refusedWith("x\rx\r\n")).toBe(`the message has a bare CR at octet ${at + 1}`);
    expect(refusedWith("x\nx\r\n")).toBe(`the message has a bare LF at octet ${at + 1}`);
    expect(refusedWith(`${"z".repeat(999)}\r\n`)).toBe(`the message has a line over 998 octets at octet ${at}`);
    expect(refusedWith(`${"z".repeat(998)}\r\n`)).toBeUndefined();
  });
});

describe("scan", () => {
  it("C1: a runtime without WebAssembly finds the same", async () => {
    vi.resetModules();
    vi.stubGlobal("WebAssembly", undefined);
    const { LineCheck: Slow } = await import("../src/lines.ts");
    const check = new Slow();
    check.push(Buffer.from("é\r"));
    check.push(Buffer.from("\n.\r\n"));
    check.end();
    vi.unstubAllGlobals();
    expect([check.eightBit, check.dots]).toEqual([true, true]);
    expect(() => new Slow().push(Buffer.from("a\nb"))).toThrow("a bare LF at octet 1");
  });

  it("is the module that scan.wat describes", async () => {
    const source = await readFile(new URL("../src/scan.wat", import.meta.url), "utf8");
    const assembler = await wabt();
    const { buffer } = assembler.parseWat("scan.wat", source, { simd: true }).toBinary({});
    expect(Buffer.from(buffer).toString("base64")).toBe(MODULE);
  });

  it("C1: says of a clean window, wherever it begins, what is in it and how long its last line is", () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 40 }), fc.nat(), (lines, place) => {
        const bytes = Buffer.from(lines.map((one) => `${one.slice(0, 998)}\r\n`).join(""));
        const at = place % bytes.length;
        const [before, window] = [bytes.toString("latin1", 0, at), bytes.subarray(at)];
        const column = before.length - (before.lastIndexOf("\n") + 1);
        const found = scan(window, column, before.endsWith("\r"));
        const seen = `${column === 0 ? "\n" : "x"}${window.toString("latin1")}`;
        expect(found & SUSPECT).toBe(0);
        expect((found & DOTS) !== 0).toBe(seen.includes("\n."));
        expect((found & EIGHT_BIT) !== 0).toBe(/[\u0080-\u00ff]/.test(seen));
        expect(found >>> COLUMN_SHIFT).toBe(0);
        // The same without its last line end.
        const end = window.length - 2;
        if (end < 1) return;
        const start = Math.max(window.lastIndexOf("\n", end - 1) + 1, 0);
        const left = window.subarray(0, end).includes("\n") ? end - start : column + end;
        expect(scan(window.subarray(0, end), column, before.endsWith("\r")) >>> COLUMN_SHIFT).toBe(left);
      }),
      { numRuns: 1000 },
    );
  });

  it("takes clean lines without a closer look, whatever stood in its memory before", () => {
    scan(Buffer.alloc(65_536, "\r"), 0, false);
    for (let length = 1; length < 40; length += 1) {
      expect(scan(Buffer.from("\r\n".padStart(length, "x").slice(-length)), 0, length === 1) & SUSPECT).toBe(0);
    }
  });
});
