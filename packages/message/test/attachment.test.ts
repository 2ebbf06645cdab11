import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Refusal, readAll } from "@postroad/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMessage } from "../src/create.ts";
import type { AttachmentInput } from "../src/draft.ts";
import { file } from "../src/file.ts";
import {
  createLoosely,
  fixed,
  issuesOf,
  minimal,
  readByMailparser,
  readByPostalMime,
  rendered,
  textOf,
} from "./reading.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "postroad-attachment-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function filesOf(attachments: readonly AttachmentInput[]): Promise<{ filename: string; bytes: Buffer }[]> {
  const message = createMessage({ ...minimal, text: "see files", attachments }, fixed);
  const bytes = await readAll(message.content);
  expect(message.content.size ?? bytes.byteLength).toBe(bytes.byteLength);
  const [one, other] = [await readByPostalMime(bytes), await readByMailparser(bytes)];
  expect(one.files).toEqual(other.files);
  return [...one.files];
}

async function refusalOf(attachment: object): Promise<unknown> {
  const { content } = createLoosely({ ...minimal, attachments: [attachment] });
  const error: unknown = await readAll(content).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Refusal);
  return error;
}

describe("where the bytes come from", () => {
  const bytes = Buffer.from([0, 1, 2, 0xff]);

  it.each<[string, AttachmentInput["content"]]>([
    ["bytes", new Uint8Array(bytes)],
    ["a Buffer", bytes],
    ["an ArrayBuffer", new Uint8Array(bytes).buffer],
    ["a Blob", new Blob([new Uint8Array(bytes)])],
    ["a Content", { open: () => [bytes] }],
    ["a Node stream", () => Readable.from([bytes.subarray(0, 1), bytes.subarray(1)])],
    ["a web stream", () => new Blob([new Uint8Array(bytes)]).stream()],
    ["a promise of a stream", async () => new Blob([new Uint8Array(bytes)]).stream()],
    ["an array of chunks", () => [bytes.subarray(0, 3), bytes.subarray(3)]],
    ["a function that reads bytes", async () => bytes],
  ])("%s", async (_, content) => {
    expect(await filesOf([{ filename: "a.bin", content }])).toEqual([{ filename: "a.bin", bytes }]);
  });

  it("text, in a string or in a stream of strings, as UTF-8", async () => {
    const text = { filename: "ä.txt", bytes: Buffer.from("Grüße\n") };
    expect(await filesOf([{ filename: "ä.txt", content: "Grüße\n" }])).toEqual([text]);
    expect(await filesOf([{ filename: "ä.txt", content: () => Readable.from(["Grü", "ße\n"]) }])).toEqual([text]);
  });

  it("a file by file(), with its name, type and size", async () => {
    const path = join(directory, "Bericht für Ann.pdf");
    await writeFile(path, bytes);
    expect(await filesOf([await file(path)])).toEqual([{ filename: "Bericht für Ann.pdf", bytes }]);
    const { fields, content } = createMessage({ ...minimal, attachments: [await file(path)] });
    expect(fields.attachments[0]).toMatchObject({ type: "application/pdf", filename: "Bericht für Ann.pdf" });
    expect(content.size).toBeGreaterThan(0);
  });

  it("a File has its own name and type", async () => {
    const attachment = { content: new File([bytes], "photo.jpg", { type: "image/jpeg" }) };
    expect(await filesOf([attachment])).toEqual([{ filename: "photo.jpg", bytes }]);
    expect(createMessage({ ...minimal, attachments: [attachment] }).fields.attachments[0]?.type).toBe("image/jpeg");
  });

  it("#9: a string is never a path or URL, and there is no field for one", async () => {
    for (const content of ["/etc/passwd", "file:///etc/passwd", "http://169.254.169.254/", "data:text/plain,x"]) {
      expect(await filesOf([{ filename: "a.txt", content }])).toEqual([
        { filename: "a.txt", bytes: Buffer.from(content) },
      ]);
    }
    expect(issuesOf({ ...minimal, attachments: [{ path: "/etc/passwd" }] })).toEqual([
      "attachments[0].path: is not a field; did you mean attachments: [await file(path)]?",
      "attachments[0].content: must be text, bytes, a Blob or a function that opens a stream, not undefined",
    ]);
    expect(issuesOf({ ...minimal, attachments: [{ href: "http://x/", content: "" }] }).length).toBe(1);
    expect(issuesOf({ ...minimal, text: { path: "/etc/passwd" } })).toEqual(["text: must be a string, not an object"]);
  });

  it("#11: a stream, which could be read only once, is refused", () => {
    for (const content of [Readable.from(["a"]), new Blob(["a"]).stream()]) {
      expect(issuesOf({ ...minimal, attachments: [{ content }] })).toEqual([
        "attachments[0].content: must be text, bytes, a Blob or a function that opens a stream, not a stream, which can be read only once",
      ]);
    }
  });

  it.each([
    [
      { content: Promise.resolve("") },
      "attachments[0].content: must be text, bytes, a Blob or a function that opens a stream, not a promise; await it first",
    ],
    [Promise.resolve(), "attachments[0]: must be an object with content, not a promise; await it first"],
    ["a.txt", "attachments[0]: must be an object with content, not a string"],
    [{ content: "", contentType: "text/plain" }, "attachments[0].contentType: is not a field; did you mean type?"],
    [{ content: "", cid: "a" }, "attachments[0].cid: is not a field; did you mean contentId?"],
    [{ content: "", inline: "yes" }, "attachments[0].inline: must be true or false, not a string"],
    [{ content: () => [], size: -1 }, "attachments[0].size: must be a whole number of bytes, not -1"],
    [{ content: "abc", size: 4 }, "attachments[0].size: is 4, but the content has 3 bytes"],
  ])("%j is refused", (attachment, issue) => {
    expect(issuesOf({ ...minimal, attachments: [attachment] })).toEqual([issue]);
  });
});

describe("what it is", () => {
  it.each([
    [{ content: "", filename: "a.PDF" }, "application/pdf"],
    [{ content: "", filename: "a.unknown" }, "application/octet-stream"],
    [{ content: "" }, "application/octet-stream"],
    [{ content: "", filename: "a.txt" }, "text/plain; charset=utf-8"],
    [{ content: new Uint8Array(), filename: "a.txt" }, "text/plain"],
    [{ content: "", type: "Text/CSV ;Header=present" }, "text/csv; header=present; charset=utf-8"],
    [{ content: "", type: 'text/x; a="b; c"' }, 'text/x; a="b; c"; charset=utf-8'],
    [{ content: new Blob([], { type: "image/gif" }), filename: "a.txt" }, "image/gif"],
  ])("%j is %s", (attachment, type) => {
    expect(createMessage({ ...minimal, attachments: [attachment] }).fields.attachments[0]?.type).toBe(type);
  });

  it.each([
    "text",
    "text/",
    "/plain",
    "text/pl ain",
    "text/plain; x",
    "text/plain; x=",
    'text/plain; x="',
    "text/plain;",
    "a".repeat(600),
  ])("F9: the type %j is refused", (type) => {
    expect(issuesOf({ ...minimal, attachments: [{ content: "", type }] }).length).toBe(1);
  });

  it("F12 #17: a multipart is refused, so that nothing nests", () => {
    expect(issuesOf({ ...minimal, attachments: [{ content: "", type: "multipart/mixed; boundary=x" }] })).toEqual([
      'attachments[0].type: "multipart/mixed" is not a file: attach its parts, or the whole as message/rfc822',
    ]);
  });

  it("text in another charset is refused", () => {
    expect(issuesOf({ ...minimal, attachments: [{ content: "ä", type: "text/plain; charset=iso-8859-1" }] })).toEqual([
      "attachments[0].type: has the charset iso-8859-1, but a string travels as UTF-8: leave the charset out, or give bytes",
    ]);
  });

  it("F12: a mail that is clean in seven bits travels as it is, any other as a file", async () => {
    const clean = "Subject: inner\r\n\r\nHi\r\n";
    expect(await rendered({ text: "see", attachments: [{ filename: "a.eml", content: clean }] })).toContain(
      `Content-Type: message/rfc822; name="a.eml"\r\nContent-Disposition: attachment; filename="a.eml"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${clean}\r\n--=_`,
    );
    for (const content of [
      "Subject: ü\r\n\r\n",
      "Subject: a\n\nb\n",
      `X: ${"x".repeat(1000)}\r\n\r\n`,
      "X: a\r\n\r\n--=_0123456789abcdefexamplenet_mix\r\n",
    ]) {
      expect(await rendered({ attachments: [{ filename: "a.eml", content }] })).toContain(
        "Content-Type: application/octet-stream;",
      );
      expect(await filesOf([{ filename: "a.eml", content }])).toEqual([
        { filename: "a.eml", bytes: Buffer.from(content) },
      ]);
    }
    const streamed = { filename: "a.eml", content: () => [Buffer.from(clean)] };
    expect(await filesOf([streamed])).toEqual([{ filename: "a.eml", bytes: Buffer.from(clean) }]);
  });

  it("F13: a mail of ours within a mail of ours keeps its parts", async () => {
    const inner = createMessage({ ...minimal, text: "a", html: "b" }, { ...fixed, random: () => "inner" });
    const mail = await rendered({
      text: "outer",
      attachments: [{ type: "message/rfc822", content: await textOf(inner) }],
    });
    expect(mail).toContain("\r\n--=_innerexamplenet_alt--\r\n\r\n--=_0123456789abcdefexamplenet_mix--\r\n");
  });
});

describe("F16 F18: file names", () => {
  it.each([
    ["/tmp/secret/a.pdf", "a.pdf"],
    ["C:\\Users\\ann\\a.pdf", "a.pdf"],
    ["../../a.pdf", "a.pdf"],
    [" a b.pdf ", "a b.pdf"],
  ])("of the path %j only the last part is kept", async (filename, kept) => {
    expect(await filesOf([{ filename, content: "x" }])).toEqual([{ filename: kept, bytes: Buffer.from("x") }]);
  });

  it.each(["", "..", "a/", "cv\u202efdp.exe", "a".repeat(256)])("%j is refused", (filename) => {
    expect(issuesOf({ ...minimal, attachments: [{ filename, content: "" }] }).length).toBe(1);
  });

  it.each([
    'a "quoted" name.txt',
    "semi;colon=equals,comma.txt",
    "100%.txt",
    "it's.txt",
    "a =? b.txt",
    "日本語.txt",
    "résumé.pdf",
    "👍🏽.png",
    `${"長い名前".repeat(30)}.txt`,
    `${"long ".repeat(40)}.txt`,
  ])("%j arrives as it is", async (filename) => {
    expect(await filesOf([{ filename, content: "x" }])).toEqual([{ filename, bytes: Buffer.from("x") }]);
  });

  it("F15: a name that looks like an encoded word is not sent as one", async () => {
    const mail = await rendered({ attachments: [{ filename: "=?utf-8?q?a?=.txt", content: "x" }] });
    expect(mail).toContain('name="_?utf-8?q?a?_.txt"');
    expect(mail).toContain("filename*=utf-8''%3D%3Futf-8%3Fq%3Fa%3F%3D.txt");
  });

  it("#3 F16: a lone surrogate becomes U+FFFD", async () => {
    expect(await filesOf([{ filename: "a\ud83db.txt", content: "x" }])).toEqual([
      { filename: "a\ufffdb.txt", bytes: Buffer.from("x") },
    ]);
  });

  it("F14 F16: readers without RFC 2231 get the nearest ASCII, never an encoded word", async () => {
    const mail = await rendered({ attachments: [{ filename: "Übersicht “1”.pdf", content: "x" }] });
    expect(mail).toContain('\r\nContent-Type: application/pdf; name="Ubersicht _1_.pdf"\r\n');
    expect(mail).toContain(
      "\r\nContent-Disposition: attachment;\r\n filename*=utf-8''%C3%9Cbersicht%20%E2%80%9C1%E2%80%9D.pdf\r\n",
    );
  });
});

describe("F19: pictures of the HTML", () => {
  const picture = { filename: "logo.png", content: new Uint8Array([1]), contentId: "<logo@shop.example>" };

  it("join it in multipart/related, by Content-ID", async () => {
    const mail = await rendered({ html: '<img src="cid:logo@shop.example">', attachments: [picture] });
    expect(mail).toContain(
      'Content-Type: multipart/related; type="text/html";\r\n boundary="=_0123456789abcdefexamplenet_rel"\r\n',
    );
    expect(mail).toContain("\r\nContent-ID: <logo@shop.example>\r\n");
    const { html } = await readByMailparser(Buffer.from(mail, "latin1"));
    expect(html).toContain("cid:logo@shop.example");
  });

  it("stay attachments where there is no HTML, or where they say so", async () => {
    expect(await rendered({ text: "a", attachments: [picture] })).toContain("multipart/mixed");
    const attached = await rendered({ html: "a", attachments: [{ ...picture, inline: false }] });
    expect(attached).toContain("multipart/mixed");
    expect(attached).toContain("Content-Disposition: attachment;");
  });

  it("may be inline without a Content-ID", async () => {
    expect(await rendered({ html: "a", attachments: [{ content: "", inline: true }] })).toContain(
      "\r\nContent-Disposition: inline\r\n",
    );
  });

  it("have each a Content-ID of their own", () => {
    expect(issuesOf({ ...minimal, attachments: [picture, picture] })).toEqual([
      'attachments[1].contentId: "logo@shop.example" is taken by another attachment',
    ]);
    expect(issuesOf({ ...minimal, attachments: [{ content: "", contentId: "a b" }] }).length).toBe(1);
  });
});

describe("streams", () => {
  it("are opened anew for every attempt, and not before the first", async () => {
    let opened = 0;
    const open = () => {
      opened += 1;
      return Readable.from([Buffer.from("abc")]);
    };
    const message = createMessage({ ...minimal, attachments: [{ content: open, size: 3 }] }, fixed);
    expect(opened).toBe(0);
    expect(await textOf(message)).toBe(await textOf(message));
    expect(opened).toBe(2);
    expect(message.content.size).toBe((await textOf(message)).length);
    expect(createMessage({ ...minimal, attachments: [{ content: open }] }).content.size).toBeUndefined();
  });

  it("F11: the bytes do not depend on how they come in chunks", async () => {
    const chunked = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(chunked, async (chunks) => {
        const whole = await rendered({ attachments: [{ content: Buffer.concat(chunks) }] });
        expect(await rendered({ attachments: [{ content: () => Readable.from(chunks) }] })).toBe(whole);
      }),
      { numRuns: 100 },
    );
    const large = Buffer.alloc(200_000, "postroad");
    const pieces = [large.subarray(0, 1), large.subarray(1, 100_000), large.subarray(100_000)];
    expect(await rendered({ attachments: [{ content: () => pieces }] })).toBe(
      await rendered({ attachments: [{ content: large }] }),
    );
  });

  it("large bytes in memory are encoded while they are read, to the same", async () => {
    const large = Buffer.alloc(3 * 1024 * 1024, "postroad");
    const { content } = createMessage(
      { ...minimal, text: "a", attachments: [{ content: large }, { content: "b" }] },
      fixed,
    );
    const chunks = content.open();
    expect(Symbol.iterator in chunks).toBe(true);
    const bytes = await readAll(content);
    expect(bytes.byteLength).toBe(content.size);
    const { files } = await readByPostalMime(bytes);
    expect(files.map((one) => one.bytes.equals(large) || one.bytes.toString())).toEqual([true, "b"]);
  });

  it.each([
    [
      "#10: that ends early",
      { content: () => [Buffer.alloc(9)], size: 10 },
      "attachments[0].content ended after 9 of the 10 bytes declared",
    ],
    [
      "#10: that goes on too long",
      { content: () => [Buffer.alloc(9), Buffer.alloc(2)], size: 10 },
      "attachments[0].content is longer than the 10 bytes declared",
    ],
    [
      "of numbers",
      { content: () => [1] },
      "attachments[0].content gave a chunk that is a number; bytes or text are needed",
    ],
    [
      "that is none",
      { content: () => 5 },
      "attachments[0].content must return bytes, an iterable of bytes or a stream",
    ],
  ])("one %s fails the attempt, to be tried again", async (_, attachment, message) => {
    expect(await refusalOf(attachment)).toMatchObject({ status: "4.3.0", message });
  });

  it("#10: an error of the stream fails the attempt and closes the stream", async () => {
    const stream = new Readable({ read: () => undefined });
    const { content } = createMessage({ ...minimal, attachments: [{ content: () => stream }] });
    const reading = readAll(content);
    stream.push("abc");
    stream.destroy(new Error("disk on fire"));
    await expect(reading).rejects.toThrow("disk on fire");
  });

  it("#10: a reader that stops early closes the stream", async () => {
    const stream = Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(50_000)));
    const { content } = createMessage({ ...minimal, attachments: [{ content: () => stream }] });
    let read = 0;
    for await (const chunk of content.open()) {
      read += chunk.byteLength;
      if (read > 100_000) break;
    }
    expect(stream.destroyed).toBe(true);
  });

  it("#11: the same stream twice is an error, not an empty file", async () => {
    const path = join(directory, "once.txt");
    await writeFile(path, "once");
    const stream = createReadStream(path);
    const { content } = createMessage({ ...minimal, attachments: [{ content: () => stream }] });
    await readAll(content);
    await expect(readAll(content)).rejects.toMatchObject({
      status: "4.3.0",
      message: "attachments[0].content returned a stream that was read before; open a new one at every call",
    });
  });

  it("a file of 200 MB takes memory that does not grow with it", () => {
    const script = `
      import { createMessage } from ${JSON.stringify(new URL("../src/create.ts", import.meta.url).href)};
      const block = Buffer.alloc(65_536, 7);
      async function* stream() { for (let i = 0; i < 3200; i += 1) yield block; }
      const { content } = createMessage({ from: "a@b", to: "c@d", attachments: [{ content: stream, size: 3200 * 65_536 }] });
      let size = 0;
      for await (const chunk of content.open()) size += chunk.byteLength;
      if (size !== content.size) throw new Error("wrong size");
      console.log(process.resourceUsage().maxRSS / 1024);
    `;
    const args = ["-C", "@postroad/source", "--no-warnings", "--input-type=module", "-e", script];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(Number(stdout)).toBeLessThan(200);
  });
});
