import type { Mail } from "./mail.ts";
import { mailboxKey } from "./mail.ts";

/** The note of a mail that says which recipients are in doubt, and who may have their mail already. */
export const DOUBTS = "postroad.doubt";

const nobody: ReadonlyMap<string, string> = new Map();

/**
 * For each recipient in doubt, by `mailboxKey`, the `by` of the outcome that left them so: whoever chooses between
 * transports sends to that one, and to no other. Where attempts by several did, all of them, with a space between, as
 * composites print theirs: the first of them that is there. What cannot be read as such a note says nothing.
 */
export function doubts({ [DOUBTS]: note }: Mail["meta"]): ReadonlyMap<string, string> {
  if (note === undefined) return nobody;
  const known = new Map<string, string>();
  for (const [address, by] of entriesOf(note)) if (typeof by === "string") known.set(mailboxKey(address), by);
  return known;
}

/**
 * Notes with these doubts in place of any others. Whoever keeps mail between attempts, a queue, adds who left a
 * recipient `uncertain` behind those that it has already, and takes out who is accepted or rejected.
 */
export function withDoubts(meta: Mail["meta"], known: ReadonlyMap<string, string>): Mail["meta"] {
  const { [DOUBTS]: _, ...others } = meta;
  return known.size === 0 ? others : { ...others, [DOUBTS]: JSON.stringify(Object.fromEntries(known)) };
}

function entriesOf(note: string): readonly (readonly [string, unknown])[] {
  try {
    const value: unknown = JSON.parse(note);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  } catch {
    return [];
  }
}
