import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Content } from "@postroad/core";
import { ConfigError, Refusal, readAll } from "@postroad/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MessageError } from "../src/errors.ts";
import { file, isFileSource } from "../src/file.ts";
import { typeOf } from "../src/file-types.ts";

const isWindows = process.platform === "win32";
let directory = "";
const at = (...names: string[]): string => join(directory, ...names);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postroad-file-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function written(name: string, bytes: Uint8Array | string): Promise<string> {
  await writeFile(at(name), bytes);
  return at(name);
}

async function expectRefused(path: string | URL, why: RegExp, options = {}): Promise<void> {
  const error: unknown = await file(path, options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MessageError);
  expect(String(error)).toMatch(why);
}

async function expectDeferred(path: string, change: () => Promise<unknown>, why = /has changed/): Promise<void> {
  const { content } = await file(path);
  await change();
  const error: unknown = await readAll(content).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Refusal);
  expect(error).toMatchObject({ status: "4.3.0", message: expect.stringMatching(why) });
}

/** What the process has open. */
function openPaths(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // closed since it was listed
    }
  });
}

async function* chunksOf(content: Content): AsyncGenerator<Uint8Array> {
  yield* content.open();
}

/** Enough for several chunks, and never valid UTF-8. */
const BYTES = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 251 + (i >> 8)) % 256);

describe("file", () => {
  it("#9: gives name, type, size and the very bytes, any number of times, in chunks of 64 KiB at most", async () => {
    const source = await file(await written("report.PDF", BYTES));
    expect(source).toMatchObject({ filename: "report.PDF", type: "application/pdf", content: { size: BYTES.length } });
    for (let reads = 0; reads < 2; reads += 1) {
      const chunks = await Array.fromAsync(source.content.open());
      expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024);
      expect(Buffer.concat(chunks).equals(BYTES)).toBe(true);
    }
  });

  it("#9: hands out chunks that later reads do not overwrite", async () => {
    const { content } = await file(await written("a", BYTES));
    const kept: Uint8Array[] = [];
    for await (const chunk of content.open()) kept.push(chunk);
    expect(Buffer.concat(kept).equals(BYTES)).toBe(true);
  });

  it("#9: reads an empty file, a URL and a relative path", async () => {
    const path = await written("empty.txt", "");
    expect(await readAll((await file(path)).content)).toHaveLength(0);
    expect((await file(pathToFileURL(path))).filename).toBe("empty.txt");
    expect((await file(relative(process.cwd(), path))).filename).toBe("empty.txt");
  });

  it("takes filename, type, contentId and inline as given, and marks what it made", async () => {
    const path = await written("x.bin", "x");
    const source = await file(path, { filename: "größe.png", contentId: "logo@x", inline: true });
    expect(source).toMatchObject({ filename: "größe.png", type: "image/png", contentId: "logo@x", inline: true });
    expect((await file(path, { type: "text/plain; charset=utf-8" })).type).toBe("text/plain; charset=utf-8");
    expect(isFileSource(source)).toBe(true);
    expect([{ filename: "x", type: "x", content: source.content }, null, "x"].map(isFileSource)).toEqual([false, false, false]);
  });

  it.skipIf(isWindows)("F18: makes a name that hides nothing from whatever the disk calls the file", async () => {
    const name = "a\r\nb\\c:\u202egpj.exe";
    expect((await file(await written(name, "x"))).filename).toBe("a__b_c__gpj.exe");
  });

  it.each(["a\r\nb", "", "..", "evil\u202egpj.exe"])("F18 #1: refuses the filename %j", async (filename) => {
    await expect(file(await written("x", "x"), { filename })).rejects.toThrow(MessageError);
  });

  it("#73: an unknown option is a ConfigError that names the nearest", async () => {
    const path = await written("x", "x");
    // @ts-expect-error: there is no such option
    await expect(file(path, { fileName: "y" })).rejects.toThrow(/fileName is not an option; did you mean filename/);
    await expect(file(path, { maxSize: -1 })).rejects.toThrow(ConfigError);
  });
});

describe("what file refuses", () => {
  it("#9: what is not there, and URLs of any kind in a string", async () => {
    await expectRefused(at("missing"), /ENOENT/);
    await expectRefused("http://169.254.169.254/latest", /ENOENT/);
    await expectRefused(pathToFileURL(await written("x", "x")).href, /ENOENT/);
    await expectRefused(new URL("http://169.254.169.254/"), /SCHEME/);
    await expectRefused("a\0b", /ERR_INVALID_ARG_VALUE|null bytes/);
    await expectRefused("data:text/plain,x", /ENOENT/);
  });

  it("#9: directories", () => expectRefused(directory, /not a regular file/));

  it.skipIf(isWindows)("#9: pipes and devices, without waiting for them", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    await expectRefused(at("pipe"), /not a regular file/);
    await expectRefused("/dev/zero", /not a regular file/);
  });

  it.skipIf(isWindows)("#9: links to anything but a regular file; links to one are followed", async () => {
    await symlink(await written("real.txt", "x"), at("link.pdf"));
    await symlink(directory, at("to-directory"));
    await symlink(at("nowhere"), at("dangling"));
    expect(await file(at("link.pdf"))).toMatchObject({ filename: "link.pdf", content: { size: 1 } });
    await expectRefused(at("to-directory"), /not a regular file/);
    await expectRefused(at("dangling"), /ENOENT/);
  });

  it("#9: more than maxSize", async () => {
    await expectRefused(await written("big", BYTES), /200000 bytes; 199999 are allowed/, { maxSize: 199_999 });
    expect(await file(at("big"), { maxSize: 200_000 })).toBeDefined();
  });

  it.skipIf(isWindows)("#9: with `within`, whatever lies outside, by dots or by links", async () => {
    await mkdir(at("inside"));
    await mkdir(at("inside-too"));
    await written("secret", "x");
    await written("inside/ok", "x");
    await written("inside-too/no", "x");
    await symlink(at("secret"), at("inside", "link"));
    const within = at("inside");
    expect(await file(at("inside", "ok"), { within })).toBeDefined();
    await expectRefused(`${within}/../secret`, /does not lie in/, { within });
    await expectRefused(at("inside-too", "no"), /does not lie in/, { within });
    await expectRefused(at("inside", "link"), /does not lie in/, { within });
    await expectRefused(at("inside", "ok"), /ENOENT/, { within: at("missing") });
  });

  it.skipIf(isWindows || process.getuid?.() === 0)("#9: what may not be read", async () => {
    await writeFile(at("private"), "x", { mode: 0o000 });
    await expectRefused(at("private"), /EACCES/);
  });
});

describe("a file that changes before it is sent", () => {
  it("#10: is deferred when it grew, shrank, was replaced, touched or removed", async () => {
    const path = await written("x", BYTES);
    await expectDeferred(path, () => appendFile(path, "x"));
    await expectDeferred(path, () => writeFile(path, "short"));
    await expectDeferred(path, async () => rename(await written("y", "short"), path));
    await expectDeferred(path, () => utimes(path, 1, 1));
    await expectDeferred(path, () => rm(path), /ENOENT/);
  });

  it("#10: is deferred when it changes while it is read", async () => {
    const path = await written("x", BYTES);
    const { content } = await file(path);
    const chunks = chunksOf(content);
    await chunks.next();
    await appendFile(path, "x");
    const rest = async (): Promise<void> => {
      while ((await chunks.next()).done !== true);
    };
    await expect(rest()).rejects.toThrow(Refusal);
  });

  // Files of the kernel say they have no size, or a page, whatever they hold.
  it.each(["/proc/version", "/sys/devices/system/cpu/online"].filter(existsSync))("#10: is deferred where %s gives more or less than it said", async (path) => {
    await expectDeferred(path, () => Promise.resolve());
  });

  it.skipIf(isWindows)("#9: is deferred, not waited for, when a pipe takes its place", async () => {
    const path = await written("x", "x");
    await expectDeferred(path, async () => {
      await rm(path);
      execFileSync("mkfifo", [path]);
    });
  });

  it.skipIf(!existsSync("/proc/self/fd"))("is closed when reading stops early, ends, or fails", async () => {
    const path = await written("x", BYTES);
    const { content } = await file(path);
    for await (const chunk of content.open()) if (chunk.length > 0) break;
    await readAll(content);
    await appendFile(path, "x");
    await expect(readAll(content)).rejects.toThrow(Refusal);
    expect(openPaths()).not.toContain(path);
  });
});

describe("media types", () => {
  it.each([
    ["a.jpeg", "image/jpeg"],
    ["A.JPG", "image/jpeg"],
    ["archive.tar.gz", "application/gzip"],
    ["invite.ics", "text/calendar"],
    ["pdf", "application/octet-stream"],
    ["README", "application/octet-stream"],
    ["x.unknown", "application/octet-stream"],
    [".pdf", "application/pdf"],
    ["__proto__", "application/octet-stream"],
    ["x.constructor", "application/octet-stream"],
  ])("#16: %s is %s", (name, type) => {
    expect(typeOf(name)).toBe(type);
  });
});
