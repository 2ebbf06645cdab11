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
  const isWritten = flight.isLost ? false : await settler.settle(flight.lease, next);
  const at = policy.clock.now();
  const about = aboutOf(entry);
  if (isWritten !== true) {
    emit({ kind: "lost", at, ...about, outcomes: [...finals, ...last] });
    return;
  }
  if (finals.length > 0) emit({ kind: "settled", at, ...about, outcomes: finals });
  if (next === null) return;
  const recipients = next.envelope.to.map(({ address }) => address);
  if (dead !== undefined) emit({ kind: "dead", at, ...about, reason: dead.reason, note: next.note ?? "", recipients });
  else if (progress.attempts > entry.attempts && last.length > 0) emit({ kind: "deferred", at, ...about, dueAt: next.dueAt, outcomes: last });
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
