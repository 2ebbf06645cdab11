import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base64Blocks, base64Size, encoded } from "../src/base64.ts";
import { encodeText } from "../src/body.ts";
import { quotedPrintable } from "../src/quoted-printable.ts";
import { rendered } from "./reading.ts";

function bodyOf(text: string): { encoding: string; body: string } {
  const { encoding, body } = encodeText(text);
  return { encoding, body: typeof body === "string" ? body : Buffer.from(body).toString("latin1") };
}

describe("the encoding of a text", () => {
  it("is none for ASCII in short lines", () => {
    expect(bodyOf("a\tb\nc = d\n")).toEqual({ encoding: "7bit", body: "a\tb\r\nc = d\r\n" });
    expect(bodyOf("x".repeat(998)).encoding).toBe("7bit");
  });

  it("is quoted-printable for what is mostly ASCII, and readable", () => {
    expect(bodyOf("Grüße aus München")).toEqual({
      encoding: "quoted-printable",
      body: "Gr=C3=BC=C3=9Fe aus M=C3=BCnchen",
    });
  });

  it("is base64 for scripts beyond Latin", () => {
    expect(bodyOf("日本語\n")).toEqual({
      encoding: "base64",
      body: `${Buffer.from("日本語\r\n").toString("base64")}\r\n`,
    });
  });

  it.each([
    ["#13 C11: a line of 999", "x".repeat(999)],
    ["#13 C11: 1 MB in one line", "x".repeat(1024 * 1024)],
    ["a long line behind short ones", `${"a\n".repeat(1000)}${"x".repeat(999)}\nb`],
    ["a NUL", "a\0b"],
    ["a line that mailboxes change", "Hi\nFrom here on"],
    ["a text that begins like that", "From here on"],
    ["F13: what could pass for a boundary", "a\n--=_0123_mix--\nb"],
  ])("F10: is quoted-printable for %s", (_, text) => {
    const { encoding, body } = bodyOf(text);
    expect(encoding).toBe("quoted-printable");
    expect(body).not.toMatch(/^.{77}|^From |--=_|\0/m);
    expect(unquoted(body)).toBe(text.replaceAll("\n", "\r\n"));
  });

  it("F21: makes every line break a CRLF, in each encoding", () => {
    for (const [text, expected] of [
      ["a\rb\nc\r\nd\n\re", "a\r\nb\r\nc\r\nd\r\n\r\ne"],
      ["ü\rbbbbbbbb\nc", "=C3=BC\r\nbbbbbbbb\r\nc"],
    ] as const) {
      expect(bodyOf(text).body).toBe(expected);
    }
    expect(Buffer.from(bodyOf("日\n本\r語").body, "base64").toString()).toBe("日\r\n本\r\n語");
  });

  it("F20: says nothing of format=flowed, so that nobody wraps it anew", async () => {
    const mail = await rendered({ text: "a line that ends in a space \n-- \nAnn" });
    expect(mail).not.toContain("flowed");
    expect(mail).toContain("a line that ends in a space \r\n-- \r\nAnn");
  });

  it("#3: a lone surrogate becomes U+FFFD and eats nothing", async () => {
    expect(await rendered({ text: "four words and a\ud83db" })).toContain("a=EF=BF=BDb");
  });

  it("C3: a mail ends in CRLF, with none added where the text has one", async () => {
    expect(await rendered({ text: "a" })).toMatch(/\r\n\r\na\r\n$/);
    expect(await rendered({ text: "a\n" })).toMatch(/\r\n\r\na\r\n$/);
    expect(await rendered({ text: "zu spät\n" })).toMatch(/\r\n\r\nzu sp=C3=A4t\r\n$/);
    expect(await rendered({ text: "" })).toMatch(/7bit\r\n\r\n$/);
  });
});

describe("F10: quoted-printable", () => {
  it.each([
    ["white space at the end of a line", "a \r\nb\t\r\n c ", "a=20\r\nb=09\r\n c=20"],
    ["the equals sign, DEL and controls", "a=b\x7f\x01", "a=3Db=7F=01"],
    ["a dot at the start of a line", ".\r\n..a\r\nb.", "=2E\r\n=2E.a\r\nb."],
    ["From at the start of a line", "From a\r\nFromage", "=46rom a\r\nFromage"],
  ])("encodes %s", (_, text, expected) => {
    expect(Buffer.from(quotedPrintable(text)).toString()).toBe(expected);
  });

  it("breaks lines softly at 76 columns and never within a character", () => {
    const lines = Buffer.from(quotedPrintable(`${"x".repeat(74)}日本`))
      .toString()
      .split("=\r\n");
    expect(lines).toEqual(["x".repeat(74), "=E6=97=A5=E6=9C=AC"]);
    expect(
      Buffer.from(quotedPrintable("x".repeat(151)))
        .toString()
        .split("\r\n")
        .map((line) => line.length),
    ).toEqual([76, 76, 1]);
  });

  it("decodes to what it was, in lines of at most 76", () => {
    const unit = fc.oneof(
      fc.constantFrom("\r\n", " ", "\t", ".", "From ", "=", "é", "日", "🎉", "\0"),
      fc.string({ unit: "binary", maxLength: 3 }),
    );
    const text = fc.array(unit, { maxLength: 300 }).map((units) =>
      units
        .join("")
        .toWellFormed()
        .replace(/\r(?!\n)|(?<!\r)\n/g, ""),
    );
    fc.assert(
      fc.property(text, (given) => {
        const body = Buffer.from(quotedPrintable(given)).toString("latin1");
        expect(unquoted(body)).toBe(given);
        expect(body).not.toMatch(/[^\r\n]{77}|[ \t]\r\n|[ \t]$|[^\r\n -~\t]|=(?![0-9A-F]{2}|\r\n)/);
      }),
      { numRuns: 500 },
    );
  });
});

/** RFC 2045 §6.7 by the letter. */
function unquoted(body: string): string {
  const octets = body
    .replaceAll("=\r\n", "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, "latin1").toString();
}

describe("F11: base64", () => {
  it("is what the runtime makes of it, in lines of 76 columns", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(20), (bytes, offset) => {
        const input = new Uint8Array(new Uint8Array([...new Uint8Array(offset), ...bytes]).buffer, offset);
        const lines =
          Buffer.from(bytes)
            .toString("base64")
            .match(/.{1,76}/g) ?? [];
        const output = encoded(input);
        expect(output.toString()).toBe(lines.map((line) => `${line}\r\n`).join(""));
        expect(output.byteLength).toBe(base64Size(bytes.byteLength));
      }),
      { numRuns: 500 },
    );
  });

  it.each([0, 1, 47_879, 47_880, 47_881, 200_000])("of %i bytes in blocks is the same", (size) => {
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7);
    expect(Buffer.concat([...base64Blocks(bytes)]).equals(encoded(bytes))).toBe(true);
  });
});
