import type { Mail, Outcome } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import type { ReceivedMail } from "@postroad/testing";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Folder extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "postroad-mailbox-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export const TEXT = "From: a@x.example\r\nSubject: Hello\r\n\r\nHello\r\n.dot\r\n";

let made = 0;

export function mailTo(to: readonly string[], text: string | Uint8Array = TEXT, from = "sender@example.org"): Mail {
  made += 1;
  return { id: `mail-${made}`, envelope: envelope(from, to), content: contentOf(Buffer.from(text)), meta: {} };
}

/** All directories below `root` that hold mail, as paths relative to it. */
export async function mailsIn(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\/(?:new|cur)$/.test(entry.parentPath))
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1))
    .toSorted();
}

/** Every file below `root` in a tmp. */
export async function draftsIn(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.parentPath.endsWith("/tmp")).map(({ name }) => name);
}

/** The texts of a mailbox, in no order. */
export async function textsIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(join(directory, "new"));
  return Promise.all(names.map((name) => readFile(join(directory, "new", name), "latin1")));
}

const TRACE = /^Return-Path: <(.*)>\nDelivered-To: (.*)\n/;

/** A stored mail as it came: without the fields of the delivery, and with the line ends of the wire. */
export function cameAs(stored: string): ReceivedMail {
  const [trace = "", , to = ""] = TRACE.exec(stored) ?? [];
  return { to: [to], content: Buffer.from(stored.slice(trace.length).replaceAll("\n", "\r\n"), "latin1") };
}

export async function receivedIn(root: string): Promise<readonly ReceivedMail[]> {
  const paths = await mailsIn(root);
  return Promise.all(paths.map(async (path) => cameAs(await readFile(join(root, path), "latin1"))));
}

export function kindsOf(outcomes: readonly Outcome[]): readonly string[] {
  return outcomes.map(({ kind, status }) => `${kind} ${status}`);
}
