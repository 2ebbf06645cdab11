import { mailboxKey } from "@postroad/core";
import type { Recipient } from "@postroad/core";
import { hash } from "node:crypto";

/** Characters of the id that its keys start with: all of the time in a UUID of version 7. */
const STEM = 16;

/**
 * The key of an entry, from the mail's id and its recipients in any order: 132 bits of a hash behind the start of the id. Ids
 * that follow one another have keys that lie together, and so cost a store fewer pages.
 */
export function keyOf(mail: string, to: readonly Recipient[]): string {
  const recipients = to.map(({ address }) => mailboxKey(address)).toSorted();
  const stem = mail.slice(0, STEM).replaceAll(/[^\w-]/g, "-");
  return `${stem}.${hash("sha256", JSON.stringify([mail, ...recipients]), "base64url").slice(0, 22)}`;
}
