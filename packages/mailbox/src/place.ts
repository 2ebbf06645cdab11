import { Refusal } from "@postroad/core";
import { access, chown, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "./failure.ts";
import { folderDirectory, isFolderName } from "./folder.ts";
import type { Mailbox } from "./lookup.ts";

/** Whom new files and directories belong to. */
export type Owner = { readonly uid: number; readonly gid: number } | undefined;

/** The directories of a mailbox. */
export interface Place {
  /** The Maildir itself, whose folders lie in it. */
  readonly mailbox: string;
  /** The directory with tmp, new and cur: the Maildir, or a folder of it. */
  readonly folder: string;
}

/** Where below `root` the mail goes. Throws a Refusal for a path that would leave the root. */
export async function placeOf(root: string, { mailbox, folder, createFolder = true }: Mailbox): Promise<Place> {
  const segments = mailbox === "" ? [] : mailbox.split("/");
  if (mailbox.includes("\0") || segments.some((segment) => /^\.{0,2}$/.test(segment))) {
    throw misconfigured(`the mailbox ${JSON.stringify(mailbox)} is no path below the root`);
  }
  if (folder !== undefined && !isFolderName(folder)) throw misconfigured(`${JSON.stringify(folder)} is no name of a folder`);
  const inbox = join(root, ...segments);
  const inner = join(inbox, folderDirectory(folder));
  const isUsed = createFolder || inner === inbox || (await exists(inner));
  return { mailbox: inbox, folder: isUsed ? inner : inbox };
}

function misconfigured(message: string): Refusal {
  return new Refusal("4.3.5", message, { phase: "lookup", advice: "Correct what the lookup returns." });
}

/** Places whose directories are known to be on disk; forgotten when there are many. */
const MOST_KNOWN = 10_000;

/** Makes the directories of places, once each. */
export interface Places {
  /** Resolves when they are there and durable, whoever has made them. */
  ready(place: Place): Promise<void>;
  /** Looks again next time: somebody has removed them. */
  forget(place: Place): void;
}

export function placesIn(root: string, owner: Owner): Places {
  const known = new Map<string, Promise<void>>();
  return {
    ready(place) {
      const made = known.get(place.folder) ?? makePlace(root, place, owner);
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(place.folder, made);
      made.catch(() => known.delete(place.folder));
      return made;
    },
    forget: ({ folder }) => void known.delete(folder),
  };
}

/**
 * Makes what is not there of a place, and syncs all of it: what is there may have been made a moment ago, by a process
 * that was killed. The root has to be there: it may be a disk that is not mounted.
 */
async function makePlace(root: string, { mailbox, folder }: Place, owner: Owner): Promise<void> {
  await access(root);
  const inner = ["cur", "new", "tmp"].map((name) => join(folder, name));
  const paths = [...between(root, mailbox), ...between(mailbox, folder), ...inner];
  for (const path of paths) await makeDirectory(path, owner);
  if (folder !== mailbox) await makeMarker(join(folder, "maildirfolder"), owner);
  for (const parent of new Set(paths.map((path) => dirname(path)))) await syncDirectory(parent);
}

/** The directories below `from` down to `to`. */
function between(from: string, to: string): string[] {
  const paths: string[] = [];
  for (let path = to; path !== from; path = dirname(path)) paths.unshift(path);
  return paths;
}

async function makeDirectory(path: string, owner: Owner): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    throw error;
  }
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
}

/** Tells readers of Maildir++ that the directory is a folder and no mailbox of its own. */
async function makeMarker(path: string, owner: Owner): Promise<void> {
  await using marker = await open(path, "a", 0o600);
  if (owner !== undefined) await marker.chown(owner.uid, owner.gid);
}

/** What was linked, renamed or made in a directory is durable once the directory is. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}

export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
