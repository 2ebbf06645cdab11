import type { Clock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { forgetLane } from "./finish.ts";
import { OVERDUE, SUSPECTS } from "./schema.ts";
import type { Sql } from "./sql.ts";
import { number } from "./sql.ts";

/** Entries that one claim makes due at most, beyond twice what it may give: the work of a claim stays bounded. */
const STEP = 256;

/** Lanes that a sweep looks at, and entries of each that it makes due. */
const LANES = 64;
const OF_LANE = 16;

/**
 * Makes due what has waited long enough: by priority, and half of the step each for what is new and what was tried, so
 * that neither keeps the other back after an outage. Where there is more than a step, also a few of each lane in turn: a
 * million of one lane keep no other waiting.
 */
export function promote({ sql, swept }: Engine, { dues }: Clock, now: number, limit: number): void {
  let room = STEP + 2 * limit;
  for (const level of waitingLevels(sql)) {
    const half = Math.ceil(room / 2);
    const fresh = makeDue(sql, level, 0, now, half);
    const tried = makeDue(sql, level, 1, now - dues, room - fresh);
    room -= fresh + tried;
    if (fresh === half && room > 0) room -= makeDue(sql, level, 0, now, room);
    if (room > 0) continue;
    sweep({ sql, swept }, level, 0, now);
    sweep({ sql, swept }, level, 1, now - dues);
    return;
  }
}

/** From the lane where the last one ended; the next one begins anew where this has seen the last lane. */
function sweep({ sql, swept }: Pick<Engine, "sql" | "swept">, level: number, tried: 0 | 1, until: number): void {
  const name = `${level} ${tried}`;
  let lane = swept.get(name) ?? 0;
  for (let seen = 0; seen < LANES; seen += 1) {
    const next = sql.get(
      `SELECT lane, due_at FROM entries INDEXED BY entries_waiting_by_lane
       WHERE phase = 0 AND priority = ? AND tried = ? AND lane > ? ORDER BY lane, due_at LIMIT 1`,
      level,
      tried,
      lane,
    );
    lane = next === undefined ? 0 : number(next.lane);
    if (next === undefined) break;
    if (number(next.due_at) <= until) makeSomeDue(sql, [level, tried, lane], until);
  }
  swept.set(name, lane);
}

function makeSomeDue(sql: Sql, place: readonly [level: number, tried: number, lane: number], until: number): void {
  sql.run(
    `UPDATE entries SET phase = 1 WHERE id IN (
       SELECT id FROM entries INDEXED BY entries_waiting_by_lane
       WHERE phase = 0 AND priority = ? AND tried = ? AND lane = ? AND due_at <= ? ORDER BY due_at LIMIT ${OF_LANE})`,
    ...place,
    until,
  );
}

/** The priorities among what waits, the highest first: one look into the index for each. */
export function* waitingLevels(sql: Sql): Generator<number> {
  for (let below = OVERDUE; ; ) {
    const found = sql.get(
      "SELECT priority FROM entries WHERE phase = 0 AND priority < ? ORDER BY priority DESC LIMIT 1",
      below,
    );
    if (found === undefined) return;
    below = number(found.priority);
    yield below;
  }
}

function makeDue(sql: Sql, priority: number, tried: 0 | 1, until: number, limit: number): number {
  return sql.run(
    `UPDATE entries SET phase = 1 WHERE id IN (
       SELECT id FROM entries INDEXED BY entries_waiting
       WHERE phase = 0 AND priority = ? AND tried = ? AND due_at <= ? ORDER BY due_at LIMIT 0 + ?)`,
    priority,
    tried,
    until,
    limit,
  );
}

/**
 * Entries that have grown too old, whose senders were told of a delay or not, are due at the level above all others,
 * where no parking holds them back.
 */
export function promoteOverdue(
  sql: Sql,
  { ages }: Clock,
  until: number,
  limit: number,
  delayed: 0 | 1,
): void {
  const oldest = sql.get(
    `SELECT ages_from FROM entries WHERE phase <> 2 AND ends = 1 AND level < ${OVERDUE} AND level > ${SUSPECTS} AND delayed = ? ORDER BY ages_from LIMIT 1`,
    delayed,
  );
  // A look is cheap; an update, even of nothing, is not.
  if (oldest === undefined || number(oldest.ages_from) > until - ages) return;
  sql.run(
    `UPDATE entries SET phase = 1, level = ${OVERDUE} WHERE id IN (
       SELECT id FROM entries WHERE ends = 1 AND level < ${OVERDUE} AND level > ${SUSPECTS} AND delayed = ? AND ages_from <= ?
       AND phase <> 2 ORDER BY ages_from LIMIT 0 + ?)`,
    delayed,
    until - ages,
    STEP + 2 * limit,
  );
}

/** Lanes whose time is up give one entry at a time from now on. */
export function unpark(sql: Sql, now: number): void {
  const over = sql.all("SELECT id FROM lanes WHERE parked_until <= ? AND probing = 0 LIMIT 0 + ?", now, STEP);
  for (const { id } of over) {
    setParking(sql, number(id), "probing");
    forgetLane(sql, number(id));
  }
}

/** Parks a lane until then, lets it probe, or (null) sets it free. */
export function setParking(sql: Sql, lane: number, until: number | "probing" | null): void {
  if (until === "probing") sql.run("UPDATE lanes SET probing = 1 WHERE id = ?", lane);
  else sql.run("UPDATE lanes SET parked_until = ?, probing = 0 WHERE id = ?", until, lane);
  const parked = typeof until === "number" ? 1 : 0;
  sql.run(
    `UPDATE turns SET parked = ? WHERE lane = ? AND level BETWEEN ${SUSPECTS} AND ${OVERDUE - 1}`,
    parked,
    lane,
  );
}
