import { mailboxKey } from "@postroad/core";
import type { Recipient } from "@postroad/core";
import { createHash } from "node:crypto";

/** The key of an entry, from the mail's id and its recipients in any order: 27 characters of base64url, 160 bits. */
export function keyOf(mail: string, to: readonly Recipient[]): string {
  const recipients = to.map(({ address }) => mailboxKey(address)).toSorted();
  return createHash("sha256").update(JSON.stringify([mail, ...recipients])).digest("base64url").slice(0, 27);
}
