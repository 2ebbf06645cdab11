import type { Sql } from "./sql.ts";
import { number, numberOrNull } from "./sql.ts";

/** A claim this much before the last one means that the clock was put back. */
const BACK = 60_000;
/** A claim this much after the last one means that nobody was there to deliver. */
const ABSENT = 3_600_000;
/** `seen` on disk lags behind by this much at most. */
const LAG = 30_000;

/** What the claims tell of the time, and by how much the times in the database are shifted. */
export interface Clock {
  /** The last claim's time; null before the first one. */
  readonly seen: number | null;
  /** To be added to `ages_from`, and to the time until which keys are remembered. */
  readonly ages: number;
  /** To be added to `due_at` of what was tried. */
  readonly dues: number;
}

/** Keeps the last claim's time more exactly than the disk does, while nobody else has written it. */
export interface Watch {
  stored: number | null;
  exact: number | null;
  /** What the database says, read once in a transaction, in which nobody else writes it. */
  read: Clock | undefined;
}

export function readClock(sql: Sql, watch: Watch): Clock {
  const { seen, ages, dues } = (watch.read ??= readRow(sql));
  return { seen: seen === watch.stored ? (watch.exact ?? seen) : seen, ages, dues };
}

function readRow(sql: Sql): Clock {
  const row = sql.get("SELECT seen, ages, dues FROM clock");
  return { seen: numberOrNull(row?.seen), ages: number(row?.ages), dues: number(row?.dues) };
}

/** Takes notice of a claim's time, and moves on what has to keep the time it had left. */
export function advance(sql: Sql, watch: Watch, now: number): Clock {
  const clock = readClock(sql, watch);
  const passed = clock.seen === null ? 0 : now - clock.seen;
  if (passed < -BACK) putBack(sql, clock.seen ?? now, passed);
  else if (passed > ABSENT) sql.run("UPDATE clock SET ages = ages + ?", passed);
  if (passed < -BACK || passed > ABSENT) watch.read = undefined;
  const { seen: stored } = (watch.read ??= readRow(sql));
  if (stored === null || Math.abs(now - stored) > LAG) {
    sql.run("UPDATE clock SET seen = ?", now);
    watch.read = undefined;
    watch.stored = now;
  } else {
    watch.stored = stored;
  }
  watch.exact = now;
  return readClock(sql, watch);
}

/**
 * `agesFrom` of what is added, as the database keeps it. What is added while the clock has jumped, as far as is known, is
 * moved with the others when a claim tells of it.
 */
export function storedAge({ agesFrom, createdAt }: { readonly agesFrom: number; readonly createdAt: number }, { seen, ages }: Clock): number {
  const skew = createdAt - (seen ?? createdAt);
  return agesFrom - ages - (skew < -BACK || skew > ABSENT ? skew : 0);
}

function putBack(sql: Sql, seen: number, passed: number): void {
  sql.run("UPDATE clock SET ages = ages + ?1, dues = dues + ?1", passed);
  // What ends before the last claim's time was written after the clock was put back: it is right as it is.
  sql.run("UPDATE entries SET lease_until = lease_until + ? WHERE phase = 2 AND lease_until > ?", passed, seen);
  sql.run("UPDATE lanes SET parked_until = parked_until + ? WHERE probing = 0 AND parked_until > ?", passed, seen);
}
