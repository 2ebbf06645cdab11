import type { Content } from "@postroad/core";
import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import type { Incoming } from "./incoming.ts";
import { receive } from "./incoming.ts";
import type { Written } from "./writer.ts";
import { writeAll, writerTo } from "./writer.ts";

/** A mail on its way into files: its content is read once, the second file and later ones are copies of the first. */
export interface Spool extends AsyncDisposable {
  readonly deliveredTo: ReadonlySet<string>;
  /** There is a file to copy: others may be written at the same time. */
  readonly isCopied: boolean;
  /** Writes `prefix` and the mail. */
  writeTo(file: FileHandle, path: string, prefix: string): Promise<Written>;
}

interface Source extends Written {
  readonly file: FileHandle;
  /** Length of what stands before the mail. */
  readonly start: number;
  readonly prefixLines: number;
}

/** `isShared` says that there will be more than one file. */
export async function spoolOf(content: Content, isShared: boolean, signal: AbortSignal | undefined): Promise<Spool> {
  const first = await receive(content, signal);
  let unread: Incoming | undefined = first;
  let source: Source | undefined;

  async function stream(file: FileHandle, prefix: Buffer): Promise<Written> {
    // A file that could not be written has used up what it was given.
    const incoming = unread ?? (await receive(content, signal));
    unread = undefined;
    const writer = writerTo(file);
    await writer.add(prefix);
    await writer.add(incoming.header);
    for await (const chunk of incoming.rest) await writer.add(chunk);
    return writer.end();
  }

  return {
    deliveredTo: first.deliveredTo,
    get isCopied() {
      return source !== undefined;
    },
    async writeTo(file, path, text) {
      const prefix = Buffer.from(text);
      const prefixLines = text.split("\n").length - 1;
      if (source !== undefined) return copy(source, file, prefix, prefixLines);
      const written = await stream(file, Buffer.from(text.replaceAll("\n", "\r\n")));
      if (isShared) source = { ...written, file: await open(path, "r"), start: prefix.length, prefixLines };
      return written;
    },
    async [Symbol.asyncDispose]() {
      await unread?.close();
      await source?.file.close();
    },
  };
}

const BLOCK = 256 * 1024;

async function copy(source: Source, file: FileHandle, prefix: Buffer, prefixLines: number): Promise<Written> {
  await writeAll(file, prefix, 0);
  const block = Buffer.allocUnsafe(Math.min(BLOCK, Math.max(1, source.size - source.start)));
  for (let at = source.start; at < source.size; ) {
    const { bytesRead } = await source.file.read(block, 0, Math.min(block.length, source.size - at), at);
    if (bytesRead === 0) throw new Error("the first copy of the mail has become shorter");
    await writeAll(file, block.subarray(0, bytesRead), prefix.length + at - source.start);
    at += bytesRead;
  }
  return { size: prefix.length + source.size - source.start, lines: source.lines - source.prefixLines + prefixLines };
}
