import { Buffer } from "node:buffer";
import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { access, open, realpath, stat } from "node:fs/promises";
import { basename, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Attachment, Content } from "@postroad/core";
import { Refusal, checkOptions, isBoolean, isInteger, isString } from "@postroad/core";
import { messageError, shown } from "./address-error.ts";
import { typeOf } from "./file-types.ts";
import { fileName } from "./filename.ts";
import type { Issues } from "./issues.ts";
import { throwIssues } from "./issues.ts";

const fileSource: unique symbol = Symbol.for("postroad.FileSource");

/** A file on disk, as an attachment of a draft or the source of a raw mail. Only `file()` makes one. */
export interface FileSource extends Attachment {
  readonly filename: string;
  /** Read from disk each time it is opened, 64 KiB at a time; `size` is always known. */
  readonly content: Content;
  readonly [fileSource]: true;
}

export interface FileOptions {
  /** The name the receiver sees. @default the last part of the path, `_` for what a name must not hold */
  readonly filename?: string;
  /** Media type. @default by extension, else `application/octet-stream` */
  readonly type?: string;
  /** Without angle brackets; HTML refers to it as `cid:…` (RFC 2392). */
  readonly contentId?: string;
  /** Shown within the text instead of listed below it (RFC 2183 §2.1). @default false */
  readonly inline?: boolean;
  /** A directory that the file must lie in, symbolic links resolved. Give it wherever the path comes from outside. */
  readonly within?: string;
  /** Largest size in bytes. @default 1 GiB */
  readonly maxSize?: number;
}

const CHUNK = 64 * 1024;
const MAX_SIZE = 1024 ** 3;

/**
 * Names a file to send. This is the only way by which files are read: a string anywhere else is text, never a path.
 *
 * Symbolic links are followed, to regular files only; directories, pipes, sockets and devices are refused without
 * being opened. The file is looked at now and read when the mail is sent, as often as it is sent: where it is not the
 * same file any more (identity, size or time of change), sending it is deferred with 4.3.0.
 *
 * Rejects with a MessageError, or with a ConfigError for options that there are not.
 */
export async function file(path: string | URL, options: FileOptions = {}): Promise<FileSource> {
  checkOptions("file", options, {
    filename: isString,
    type: isString,
    contentId: isString,
    inline: isBoolean,
    within: isString,
    maxSize: isInteger(0),
  });
  const { filename: given, within, maxSize = MAX_SIZE, ...rest } = options;
  const found = await locate(path, within);
  const stats = await inspect(found, maxSize);
  const issues: Issues = [];
  const filename = given === undefined ? safeName(basename(pathOf(path))) : fileName(given, "filename", issues);
  throwIssues(issues);
  const content: Content = { size: Number(stats.size), open: () => read(found, stats) };
  return { type: typeOf(filename), ...rest, filename, content, [fileSource]: true };
}

/** Is it what `file()` returns, by whichever copy of this package? */
export function isFileSource(value: unknown): value is FileSource {
  return typeof value === "object" && value !== null && fileSource in value;
}

async function locate(path: string | URL, within: string | undefined): Promise<string> {
  try {
    const real = await realpath(pathOf(path));
    if (within === undefined) return real;
    const root = await realpath(within);
    if (real.startsWith(root.endsWith(sep) ? root : root + sep)) return real;
  } catch (error) {
    throw refused(path, `cannot be found (${codeOf(error)})`);
  }
  throw refused(path, `does not lie in ${shown(within)}`);
}

async function inspect(path: string, maxSize: number): Promise<BigIntStats> {
  const stats = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw refused(path, `cannot be found (${codeOf(error)})`);
  });
  if (!stats.isFile()) throw refused(path, "is not a regular file");
  if (stats.size > maxSize) throw refused(path, `has ${stats.size} bytes; ${maxSize} are allowed (maxSize)`);
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw refused(path, `cannot be read (${codeOf(error)})`);
  });
  return stats;
}

async function* read(path: string, expected: BigIntStats): AsyncGenerator<Uint8Array> {
  const handle = await openAgain(path);
  try {
    await assertSame(handle, expected, path);
    let left = Number(expected.size);
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(CHUNK));
      if (bytesRead === 0) break;
      left -= bytesRead;
      if (left < 0) throw changed(path);
      yield buffer.subarray(0, bytesRead);
    }
    if (left > 0) throw changed(path);
    await assertSame(handle, expected, path);
  } finally {
    await handle.close();
  }
}

/** Does not wait where a pipe has taken the file's place. */
async function openAgain(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new Refusal("4.3.0", `cannot open ${shown(path)} again (${codeOf(error)})`, { cause: error });
  }
}

async function assertSame(handle: FileHandle, expected: BigIntStats, path: string): Promise<void> {
  const { dev, ino, size, mtimeNs } = await handle.stat({ bigint: true });
  const isSame =
    dev === expected.dev && ino === expected.ino && size === expected.size && mtimeNs === expected.mtimeNs;
  if (!isSame) throw changed(path);
}

function changed(path: string): Refusal {
  return new Refusal("4.3.0", `${shown(path)} has changed since the mail was made`, {
    advice: "Make the mail again from the file as it is now, or attach its bytes.",
  });
}

function refused(path: string | URL, why: string): Error {
  return messageError({ path: "file", message: `${shown(String(path))} ${why}`, status: "5.6.0" });
}

function pathOf(path: string | URL): string {
  return typeof path === "string" ? path : fileURLToPath(path);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** Separators of any system, controls, and what is invisible or turns text around; joiners stay, scripts need them. */
const UNSAFE = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}/\\:]/gu;

function safeName(name: string): string {
  return name.replace(UNSAFE, "_");
}
