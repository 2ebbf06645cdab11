import { mailboxKey } from "@postroad/core";
import type { Policy } from "./drain-options.ts";
import type { Flight } from "./flights.ts";
import type { Progress } from "./progress.ts";
import type { Entry } from "./store.ts";
import { waitOf } from "./waits.ts";
import type { Desk } from "./desk.ts";
import { aboutOf } from "./desk.ts";
import { noteOf } from "./note.ts";

/** Writes down how far an entry has come, and then tells of it. */
export async function writeDown(desk: Desk, flight: Flight, progress: Progress): Promise<void> {
  const { settler, policy, emit } = desk;
  const { finals, last, dead, entry } = progress;
  const next = nextOf(progress, policy);
  flight.isWriting = true;
  const written = flight.isLost ? undefined : await settler.settle(flight.lease, next);
  const at = policy.clock.now();
  const about = aboutOf(entry);
  const settled = settledOf(finals, next, written);
  const lost = written === next ? [] : [...finals.filter((outcome) => !settled.includes(outcome)), ...last];
  if (settled.length > 0) emit({ kind: "settled", at, ...about, outcomes: settled });
  if (written === undefined || lost.length > 0) emit({ kind: "lost", at, ...about, outcomes: lost });
  if (next === null || written !== next) return;
  const recipients = next.envelope.to.map(({ address }) => address);
  if (dead !== undefined) emit({ kind: "dead", at, ...about, reason: dead.reason, note: next.note ?? "", recipients });
  else if (progress.attempts > entry.attempts && last.length > 0) emit({ kind: "deferred", at, ...about, dueAt: next.dueAt, outcomes: last });
}

/** Who is done with for good: where a dead letter was written in place of what became of it, who is not in that. */
function settledOf(finals: Progress["finals"], next: Entry | null, written: Entry | null | undefined): Progress["finals"] {
  if (written === next) return finals;
  if (written === undefined) return [];
  const left = new Set(written?.envelope.to.map(({ address }) => mailboxKey(address)));
  return finals.filter(({ recipient }) => !left.has(mailboxKey(recipient)));
}

function nextOf(progress: Progress, policy: Policy): Entry | null {
  const { entry, pending, attempts, meta, last, owed, delayed, dead } = progress;
  if (dead === undefined && pending.length === 0 && owed.length === 0) return null;
  const { note: _, owed: __, delayed: ___, ...rest } = entry;
  return {
    ...rest,
    envelope: { ...entry.envelope, to: pending },
    meta,
    attempts,
    // What was not tried, or only told of, is as suspect as before.
    lapses: attempts > entry.attempts || entry.envelope.to.length === 0 ? 0 : entry.lapses,
    last,
    dueAt: pending.length === 0 ? dueOfReport(progress, policy) : progress.dueAt,
    ...(delayed && { delayed }),
    ...(owed.length > 0 && { owed }),
    ...(dead !== undefined && { state: "dead" as const, note: noteOf(dead.note) }),
  };
}

function dueOfReport({ owed }: Progress, { schedule, clock }: Policy): number {
  const tries = owed.reduce((most, each) => Math.max(most, each.tries), 1);
  return clock.now() + (waitOf(schedule, tries, 0) ?? 14_400_000);
}
