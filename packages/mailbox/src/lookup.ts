import { Refusal } from "@postroad/core";
import { keyOf } from "./address.ts";

/** How much a mailbox may hold, all its folders together. */
export interface Quota {
  /** Bytes, as the files have them. */
  readonly bytes?: number;
  readonly messages?: number;
}

/** A Maildir and what is particular about it. */
export interface Mailbox {
  /** Its path below the root, e.g. `example.org/ann`; `""` is the root itself. */
  readonly mailbox: string;
  /** The folder to deliver to, `/` between levels, e.g. `Lists/dev` (Maildir++). @default the inbox */
  readonly folder?: string;
  /** Makes a folder that is not there; else its mail goes to the inbox. @default true */
  readonly createFolder?: boolean;
  /** @default the transport's */
  readonly quota?: Quota;
}

/** Other addresses to look up in place of this one. Each gets a copy. */
export interface Aliases {
  readonly aliases: readonly string[];
}

/** What an address leads to; undefined where there is nobody of that name. */
export type Found = Mailbox | Aliases | undefined;

/**
 * Whose mail is kept where. May throw a Refusal, which is the verdict for that address; anything else it throws defers
 * the mail: a broken directory bounces nobody's.
 */
export type Lookup = (address: string) => Found | Promise<Found>;

/** More addresses than this behind one are a mistake. */
const MOST_ALIASES = 1000;

/**
 * The mailboxes behind an address, aliases followed. Throws a Refusal: 5.1.1 where nobody has that address, 4.3.5 where
 * aliases lead nowhere, 4.3.0 where the lookup fails. A server asks it at RCPT, the transport when it delivers.
 */
export async function resolveRecipient(lookup: Lookup, address: string): Promise<readonly Mailbox[]> {
  const seen = new Set([keyOf(address)]);
  const mailboxes = new Map<string, Mailbox>();
  let level: readonly string[] = [address];
  while (level.length > 0) {
    const next: string[] = [];
    for (const each of level) {
      const found = await ask(lookup, each);
      if (found === undefined) throw each === address ? unknown() : misleading(address, `${each}, which nobody has`);
      if ("mailbox" in found) mailboxes.set(`${found.mailbox}\n${found.folder ?? ""}`, found);
      else next.push(...found.aliases.filter((alias) => isNew(seen, keyOf(alias))));
      if (seen.size > MOST_ALIASES) throw misleading(address, `more than ${MOST_ALIASES} addresses`);
    }
    level = next;
  }
  if (mailboxes.size === 0) throw misleading(address, "no mailbox: they go round in a circle, or are none");
  return [...mailboxes.values()];
}

function isNew(seen: Set<string>, key: string): boolean {
  return !seen.has(key) && seen.add(key).has(key);
}

async function ask(lookup: Lookup, address: string): Promise<Found> {
  try {
    return await lookup(address);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal("4.3.0", "the lookup of the recipient failed", { phase: "lookup", cause: error });
  }
}

function unknown(): Refusal {
  return new Refusal("5.1.1", "there is no such mailbox here", { phase: "lookup", advice: "Check the spelling of the address." });
}

/** Our own mistake, which must not bounce anybody's mail. */
function misleading(address: string, where: string): Refusal {
  return new Refusal("4.3.5", `the aliases of ${JSON.stringify(address)} lead to ${where}`, {
    phase: "lookup",
    advice: "Correct the aliases. To forward to addresses elsewhere, rewrite recipients before the mail gets here.",
  });
}
