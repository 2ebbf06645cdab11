import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/** A mail as it lies in a mailbox. */
export interface Arrival {
  /** The header fields that servers have put on top, each unfolded into one line. */
  readonly trace: readonly string[];
  /** The rest: what was sent. Lines end in CRLF. */
  readonly content: Buffer;
}

/** Every mail in a Maildir, in no order. None where nobody has delivered to it yet. */
export async function readMaildir(path: string): Promise<readonly Arrival[]> {
  const folder = join(path, "new");
  const names = await readdir(folder).catch(orNothing);
  return Promise.all(names.map(async (name) => arrivalOf(await readFile(join(folder, name)))));
}

/** How many mails are in a Maildir. */
export async function countMaildir(path: string): Promise<number> {
  return (await readdir(join(path, "new")).catch(orNothing)).length;
}

function orNothing(error: unknown): readonly string[] {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
  throw error;
}

const TRACE = /^(?:(?:Return-Path|X-Original-To|Delivered-To|Received): .*\r\n(?:[ \t].*\r\n)*)*/;

/** Takes a mail as a server keeps it apart. Stored mail ends its lines in LF, and here in CRLF as on the wire. */
export function arrivalOf(stored: Buffer): Arrival {
  // One character is one octet in latin1.
  const text = stored.toString("latin1").replaceAll(/\r?\n/g, "\r\n");
  const [top = ""] = TRACE.exec(text) ?? [];
  const trace = top.replaceAll(/\r\n[ \t]+/g, " ").split("\r\n").filter((line) => line !== "");
  return { trace, content: Buffer.from(text.slice(top.length), "latin1") };
}
