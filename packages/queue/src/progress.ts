import type { Accepted, Deferred, Mail, Outcome, Receipt, Recipient, Rejected } from "@postroad/core";
import { doubts, mailboxKey, withDoubts } from "@postroad/core";
import { storable } from "./plain.ts";
import type { Entry, Owed } from "./store.ts";

/** Characters of the names of all who left one recipient in doubt. */
const LONGEST_DOUBT = 1000;

/** How far an entry has come under one lease. What it is at the end is written down at once. */
export interface Progress {
  readonly entry: Entry;
  /** Who is still to be delivered to. */
  pending: readonly Recipient[];
  meta: Mail["meta"];
  attempts: number;
  last: readonly Deferred[];
  dueAt: number;
  delayed: boolean;
  owed: readonly Owed[];
  /** The last word on recipients. */
  readonly finals: (Accepted | Rejected)[];
  /** Failures that the sender is not to hear of. */
  readonly untold: Rejected[];
  /** Why it becomes a dead letter. */
  dead: { readonly reason: "lapsed" | "unreported" | "uncertain"; readonly note: string } | undefined;
}

export function progressOf(entry: Entry): Progress {
  const { envelope, meta, attempts, last, dueAt, delayed = false, owed = [] } = entry;
  return { entry, pending: envelope.to, meta, attempts, last, dueAt, delayed, owed, finals: [], untold: [], dead: undefined };
}

/** Who is in doubt: they may have the mail. */
export function doubtful({ pending, meta }: Progress): readonly Recipient[] {
  const known = doubts(meta);
  return known.size === 0 ? [] : pending.filter(({ address }) => known.has(mailboxKey(address)));
}

/** Takes in what an attempt came to, for all pending recipients or some. */
export function take(progress: Progress, { outcomes }: Receipt): void {
  progress.attempts += 1;
  conclude(progress, outcomes.filter((outcome) => outcome.kind !== "deferred"));
  if (progress.finals.length === progress.pending.length && outcomes.length === progress.pending.length) {
    progress.pending = [];
    progress.last = [];
    return;
  }
  const said = new Map([...progress.last, ...outcomes].map((outcome) => [mailboxKey(outcome.recipient), outcome]));
  progress.meta = noteDoubts(progress.meta, outcomes);
  progress.pending = progress.pending.filter(({ address }) => (said.get(mailboxKey(address))?.kind ?? "deferred") === "deferred");
  progress.last = progress.pending.flatMap(({ address }) => {
    const last = said.get(mailboxKey(address));
    return last?.kind === "deferred" ? [storable(last)] : [];
  });
}

/** Who is accepted or rejected is in doubt no longer; who is uncertain is, with all who left them so. */
function noteDoubts(meta: Mail["meta"], outcomes: readonly Outcome[]): Mail["meta"] {
  const before = doubts(meta);
  const known = new Map(before);
  for (const outcome of outcomes) {
    const key = mailboxKey(outcome.recipient);
    if (outcome.kind !== "deferred") known.delete(key);
    else if (outcome.uncertain === true) known.set(key, alsoBy(known.get(key), outcome.by));
  }
  const isSame = known.size === before.size && [...known].every(([key, by]) => before.get(key) === by);
  return isSame ? meta : withDoubts(meta, known);
}

/** The first comes first: a layer that gave up later may only know that it was one of several. */
function alsoBy(before: string | undefined, by: string): string {
  if (before === undefined) return by;
  const all = `${before} ${by}`;
  return ` ${before} `.includes(` ${by} `) || all.length > LONGEST_DOUBT ? before : all;
}

/** The last word on recipients, and what the sender is owed for it. */
function conclude(progress: Progress, outcomes: readonly (Accepted | Rejected)[]): void {
  for (const outcome of outcomes) progress.finals.push(outcome);
  const toTell = outcomes.filter((outcome) => outcome.kind === "rejected" || outcome.relayed === true);
  if (toTell.length === 0) return;
  const pending = new Map(progress.pending.map((recipient) => [mailboxKey(recipient.address), recipient]));
  const owed: Owed[] = [];
  for (const outcome of toTell) {
    const recipient = pending.get(mailboxKey(outcome.recipient));
    if (recipient === undefined) continue;
    if (isReported(progress.entry, recipient, outcome)) owed.push({ recipient, outcome: storable(outcome), tries: 0 });
    else if (outcome.kind === "rejected") progress.untold.push(outcome);
  }
  progress.owed = [...progress.owed, ...owed];
}

/** Gives up who is pending, but for some who are kept: 5.4.7, with what was said last (RFC 1123 §5.3.1.1). */
export function giveUp(
  progress: Progress,
  kept: readonly Recipient[],
  why: string,
  by: string,
  reason: Deferred | undefined,
): readonly Rejected[] {
  const said = new Map(progress.last.map((outcome) => [mailboxKey(outcome.recipient), outcome]));
  const inDoubt = new Set(doubtful(progress));
  const isKept = new Set(kept);
  const given = progress.pending.filter((recipient) => !isKept.has(recipient)).map((recipient): Rejected => {
    const last = said.get(mailboxKey(recipient.address)) ?? reason;
    const doubt = inDoubt.has(recipient) ? "; it may have arrived all the same" : "";
    return {
      kind: "rejected",
      status: "5.4.7",
      recipient: recipient.address,
      by: last?.by ?? by,
      message: `${why}${last === undefined ? "" : `; last: ${last.message}`}${doubt}`,
      ...(last?.remote !== undefined && { remote: last.remote }),
      ...(last?.reply !== undefined && { reply: last.reply }),
      ...(last?.diagnosis !== undefined && { diagnosis: last.diagnosis }),
    };
  });
  conclude(progress, given);
  progress.pending = kept;
  progress.last = kept.flatMap(({ address }) => said.get(mailboxKey(address)) ?? []);
  return given;
}

/**
 * Is the sender to be told? Of failures unless NOTIFY says otherwise, of a success where NOTIFY asks for it and whoever
 * took the mail will not tell (RFC 3461 §4.1, §5.2.2). Nobody is told at the null reverse-path.
 */
function isReported({ envelope }: Entry, { notify }: Recipient, outcome: Accepted | Rejected): boolean {
  if (envelope.from === "" || notify === "never") return false;
  if (outcome.kind === "rejected") return notify === undefined || notify.length === 0 || notify.includes("failure");
  return outcome.relayed === true && notify?.includes("success") === true;
}
