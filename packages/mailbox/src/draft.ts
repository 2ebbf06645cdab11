import { Refusal } from "@postroad/core";
import type { FileHandle } from "node:fs/promises";
import { link, open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, diskRefusal } from "./failure.ts";
import { sizePart, uniqueName } from "./name.ts";
import type { Owner, Place, Places } from "./place.ts";
import { syncDirectory } from "./place.ts";
import type { Spool } from "./spool.ts";

/** What every file needs to know of the transport. */
export interface Setting {
  readonly root: string;
  readonly owner: Owner;
  readonly places: Places;
  /** As `hostPart` gives it. */
  readonly host: string;
  readonly now: () => number;
}

/** A mail in tmp, whole and durable, that no reader sees yet. */
export interface Draft {
  readonly place: Place;
  readonly path: string;
  readonly size: number;
  /** What its name will say of its size. */
  readonly info: string;
}

/** Writes a mail to tmp and syncs it. Where that fails, nothing of it is left. */
export async function writeDraft(spool: Spool, place: Place, prefix: string, setting: Setting): Promise<Draft> {
  const { file, path } = await create(place, setting);
  try {
    await using _ = file;
    if (setting.owner !== undefined) await file.chown(setting.owner.uid, setting.owner.gid);
    const { size, lines } = await spool.writeTo(file, path, prefix);
    await file.sync();
    return { place, path, size, info: sizePart(size, lines) };
  } catch (error) {
    await discard(path);
    throw error;
  }
}

const TRIES = 10;

async function create(place: Place, setting: Setting): Promise<{ readonly file: FileHandle; readonly path: string }> {
  for (let attempt = 1; ; attempt += 1) {
    await setting.places.ready(place);
    const path = join(place.folder, "tmp", uniqueName(setting.now(), setting.host));
    try {
      return { file: await open(path, "wx", 0o600), path };
    } catch (error) {
      const code = codeOf(error);
      if (attempt === TRIES || (code !== "ENOENT" && code !== "EEXIST")) throw error;
      if (code === "ENOENT") setting.places.forget(place);
    }
  }
}

/**
 * Makes a draft visible in new, durably, and gives its name. It never replaces a file. Where it fails the mail is not
 * visible; or the error is a Refusal that says it is uncertain, since a reader may have it. The draft stays.
 */
export async function publish({ place, path, info }: Draft, setting: Setting): Promise<string> {
  const folder = join(place.folder, "new");
  const name = await linkUniquely(path, folder, info, setting);
  try {
    await syncDirectory(folder);
  } catch (error) {
    await withdraw(join(folder, name), error);
  }
  return name;
}

async function linkUniquely(path: string, folder: string, info: string, setting: Setting): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const name = uniqueName(setting.now(), setting.host) + info;
    try {
      await linkOrRename(path, join(folder, name));
      return name;
    } catch (error) {
      if (attempt === TRIES || codeOf(error) !== "EEXIST") throw error;
    }
  }
}

const NO_LINKS: ReadonlySet<string | undefined> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** A link never replaces a file. Where the file system has none, the name alone has to be enough. */
async function linkOrRename(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.has(codeOf(error))) throw error;
    await rename(from, to);
  }
}

/** Takes back what was made visible but may not last. */
async function withdraw(path: string, reason: unknown): Promise<never> {
  try {
    await unlink(path);
  } catch (error) {
    const { status, message, options } = diskRefusal(reason, "sync");
    throw new Refusal(status, `${message}; a reader may have it`, { ...options, uncertain: true, cause: error });
  }
  throw diskRefusal(reason, "sync");
}

/** A file in tmp that is not needed any more. What cannot be removed now is swept one day, and harms nobody until then. */
export async function discard(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}
