import { Refusal } from "@postroad/core";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "./failure.ts";
import type { Quota } from "./lookup.ts";
import { sizeIn } from "./name.ts";

/** How much there is, or will be. */
export interface Amount {
  readonly bytes: number;
  readonly messages: number;
}

/** Throws a Refusal where a mail of this size can never fit. */
export function checkSize(quota: Quota | undefined, bytes: number): void {
  if (quota?.bytes === undefined || bytes <= quota.bytes) return;
  throw new Refusal("5.2.3", `the message has ${bytes} bytes, and the whole mailbox may have ${quota.bytes}`, {
    phase: "quota",
    advice: "Send large files as links.",
  });
}

/** Throws a Refusal where a mailbox has no room for so much more. */
export async function checkRoom(mailbox: string, quota: Quota, more: Amount, whenFull: "defer" | "reject"): Promise<void> {
  const { bytes = Number.POSITIVE_INFINITY, messages = Number.POSITIVE_INFINITY } = quota;
  const found = await amountIn(mailbox);
  const wanted = { bytes: found.bytes + more.bytes, messages: found.messages + more.messages };
  if (wanted.bytes <= bytes && wanted.messages <= messages) return;
  const what = wanted.bytes > bytes ? `${wanted.bytes} of ${bytes} bytes` : `${wanted.messages} of ${messages} messages`;
  throw new Refusal(whenFull === "reject" ? "5.2.2" : "4.2.2", `the mailbox is full: it would have ${what}`, {
    phase: "quota",
    advice: "Somebody has to delete mail from the mailbox, or raise its quota.",
  });
}

/** What is in a mailbox and its folders, by the names of the files where they tell. */
async function amountIn(mailbox: string): Promise<Amount> {
  const names = await readdir(mailbox).catch(noneIfGone);
  const folders = [mailbox, ...names.filter((name) => name.startsWith(".")).map((name) => join(mailbox, name))];
  const total = { bytes: 0, messages: 0 };
  for (const folder of folders) {
    // Readers move files from new to cur: in this order none counts twice.
    for (const directory of [join(folder, "cur"), join(folder, "new")]) {
      for (const name of await readdir(directory).catch(noneIfGone)) {
        if (name.startsWith(".")) continue;
        total.messages += 1;
        total.bytes += sizeIn(name) ?? (await sizeOf(join(directory, name)));
      }
    }
  }
  return total;
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(noneIfGone);
  return "size" in found ? found.size : 0;
}

/** Readers move and remove files all the time. */
function noneIfGone(error: unknown): readonly string[] {
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ENOTDIR") return [];
  throw error;
}
