import { withoutComments } from "./from.ts";
import type { Field } from "./header.ts";
import { valueOf } from "./header.ts";
import { parseTags } from "./tags.ts";

/** What validation of a chain says (RFC 8617 §4.4), the values of `cv=`. */
export type ChainStatus = "none" | "pass" | "fail";

/** The ARC sets that a message has. */
export interface Chain {
  /** The sets' fields in the order they are sealed: by instance, and results, signature, seal of each. */
  readonly fields: readonly Field[];
  /** Highest instance. */
  readonly last: number;
  /** Each set is whole, and there is one for every instance (RFC 8617 §5.2, step 3). */
  readonly isWhole: boolean;
  /** The newest seal says `cv=fail`: nobody seals after that (RFC 8617 §5.1.2). */
  readonly hasFailed: boolean;
}

export const AAR = "arc-authentication-results";
export const AMS = "arc-message-signature";
export const AS = "arc-seal";
const KINDS = [AAR, AMS, AS];

/** RFC 8617 §4.2.1. */
export const MOST_SETS = 50;

interface Piece {
  readonly field: Field;
  /** NaN where it has none. */
  readonly instance: number;
  readonly cv: string | undefined;
}

export function chainOf(fields: readonly Field[]): Chain {
  const pieces = fields.filter(({ name }) => KINDS.includes(name)).map(pieceOf);
  const last = Math.max(0, ...pieces.map(({ instance }) => instance).filter(Number.isInteger));
  const ordered = Array.from({ length: Math.min(last, MOST_SETS) }, (_, index) => setOf(pieces, index + 1));
  return {
    fields: ordered.flat().map(({ field }) => field),
    last,
    isWhole: pieces.length === last * KINDS.length && ordered.every(isSet),
    hasFailed: pieces.some(({ field, instance, cv }) => field.name === AS && instance === last && cv === "fail"),
  };
}

function setOf(pieces: readonly Piece[], instance: number): readonly Piece[] {
  return KINDS.flatMap((kind) => pieces.filter((piece) => piece.field.name === kind && piece.instance === instance));
}

function isSet(pieces: readonly Piece[], index: number): boolean {
  const isComplete = pieces.length === KINDS.length && pieces.every(({ field }, kind) => field.name === KINDS[kind]);
  return isComplete && pieces.at(-1)?.cv === (index === 0 ? "none" : "pass");
}

function pieceOf(field: Field): Piece {
  const value = valueOf(field);
  // The results are no list of tags, but begin with one.
  const tags = parseTags(field.name === AAR ? value.slice(0, Math.max(value.indexOf(";"), 0)) : value);
  const instance = tags?.get("i") ?? "";
  const isInstance = /^[1-9]\d?$/.test(instance);
  return { field, instance: isInstance ? Number(instance) : Number.NaN, cv: tags?.get("cv")?.toLowerCase() };
}

/** What a server of this name has found out, as its Authentication-Results say (RFC 8601 §2.2), if any do. */
export function resultsOf(fields: readonly Field[], authServId: string): string | undefined {
  const own = fields.filter(({ name }) => name === "authentication-results").flatMap((field) => {
    const [id = "", ...results] = valueOf(field).split(";");
    const isOwn = withoutComments(id).trim().split(/[ \t]/)[0]?.toLowerCase() === authServId.toLowerCase();
    return isOwn ? [results.join(";").trim()] : [];
  });
  return own.length === 0 ? undefined : own.join("; ");
}

/** The `arc=` among results; undefined where nobody has looked at the chain. */
export function chainStatusIn(results: string): ChainStatus | undefined {
  const [, status] = /(?:^|;)[ \t]*arc[ \t]*=[ \t]*(none|pass|fail)\b/i.exec(withoutComments(results)) ?? [];
  return (["none", "pass", "fail"] as const).find((known) => known === status?.toLowerCase());
}
