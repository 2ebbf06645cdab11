import type { Answers, Requests } from "../messages.ts";
import type { Clock } from "./clock.ts";
import { advance } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { finish, forget } from "./finish.ts";
import type { Hand } from "./hand.ts";
import { handOf } from "./hand.ts";
import { promote, promoteOverdue, unpark } from "./promote.ts";
import { candidates } from "./rows.ts";
import { LOWEST, OVERDUE, SUSPECTS } from "./schema.ts";
import type { Found, Sql } from "./sql.ts";
import { number, textOr } from "./sql.ts";
import { inTurns, isAnyDue } from "./turns.ts";

type Claim = Requests["claim"];

/** Suspects among which one is looked for whose lane has a place. */
const LOOKED_AT = 64;

export function claim(engine: Engine, request: Claim): Answers["claim"] {
  const { counter } = engine;
  if (counter?.request === request) {
    if (counter.isPassed) prepare(engine, request);
    if (counter.isPassed || !counter.isOpen || isAnyDue(engine.sql)) give(engine, request, counter.clock, counter.hand);
    return counter.hand.answer;
  }
  const clock = prepare(engine, request);
  const hand = handOf(engine, request, clock);
  give(engine, request, clock, hand);
  return hand.answer;
}

/** Puts in line what is due by now. */
export function prepare(engine: Engine, request: Claim): Clock {
  const { sql, watch } = engine;
  const { now, limit, aged, late } = request;
  const clock = advance(sql, watch, now);
  forget(engine, now, 2 * limit + 64);
  takeBack(engine, now);
  unpark(sql, now);
  promote(engine, clock, now, limit);
  if (aged !== null) {
    promoteOverdue(sql, clock, aged, limit, 0);
    promoteOverdue(sql, clock, aged, limit, 1);
  }
  if (late !== null) promoteOverdue(sql, clock, late, limit, 0);
  return clock;
}

/** Is there nothing that a claim would give? */
export function isQuiet({ sql }: Engine, request: Claim, clock: Clock): boolean {
  if (isAnyDue(sql) || expired(sql, request.now, 1).length > 0) return false;
  return !request.suspects || suspect(sql, request, clock).length === 0;
}

/** Ends leases that have run out: their workers died, or are too slow to be waited for. */
export function takeBack(engine: Engine, now: number, where: string = "TRUE", values: readonly string[] = []): void {
  const { sql } = engine;
  const over = sql.all(
    `SELECT e.id, e.superseded FROM entries e WHERE e.phase = 2 AND e.lease_until <= ? AND ${where}`,
    now,
    ...values,
  );
  for (const { id, superseded } of over) {
    if (superseded === 1) finish(engine, number(id), now);
    else {
      sql.run(
        `UPDATE entries SET phase = 1, lapses = lapses + 1, level = CASE WHEN lapses >= 1 THEN ${SUSPECTS} ELSE level END,
           token = NULL, lease_until = NULL WHERE id = ?`,
        number(id),
      );
    }
  }
}

/**
 * A suspect alone. Else first what has to be given up, as far as half of the limit, then what is due, then more of the
 * former: so neither waits for the other, however many there are. At last what is urgent beside the limit.
 */
function give(engine: Engine, request: Claim, clock: Clock, hand: Hand): void {
  const { sql } = engine;
  const { limit, now } = request;
  if (request.suspects && hand.leases.length === 0) {
    hand.take(suspect(sql, request, clock));
    if (hand.leases.length > 0) return;
  }
  const half = limit === 1 ? Number(engine.flip()) : Math.ceil(limit / 2);
  const left = (most: number): number => most - hand.leases.length;
  hand.take(expired(sql, now, left(half)));
  hand.take(inTurns(sql, request, left(half), [OVERDUE, OVERDUE]));
  hand.take(inTurns(sql, request, left(limit), [LOWEST, OVERDUE - 1]));
  hand.take(expired(sql, now, left(limit)));
  hand.take(inTurns(sql, request, left(limit), [OVERDUE, OVERDUE]));
  hand.take(inTurns(sql, request, request.urgent, [1, OVERDUE - 1]));
}

/** One that has expired, or has grown too old, or is due. */
function suspect(sql: Sql, request: Claim, clock: Clock): readonly Found[] {
  const { now, limit, aged } = request;
  const most = Math.min(limit, 1);
  const worthless = candidates(
    sql,
    `WHERE e.ends = 1 AND e.level = ${SUSPECTS} AND e.expires_at <= ? AND e.phase <> 2 ORDER BY e.expires_at LIMIT 0 + ?`,
    now,
    most,
  );
  if (worthless.length > 0) return worthless;
  const old = aged === null ? [] : agedSuspect(sql, request, aged - clock.ages, most);
  return old.length > 0 ? old : inTurns(sql, request, most, [SUSPECTS, SUSPECTS]);
}

/** Whatever its due time and its lane's parking, but not its limit. */
function agedSuspect(sql: Sql, { perLane, lanes }: Claim, until: number, most: number): readonly Found[] {
  if (most === 0) return [];
  const found = candidates(
    sql,
    `WHERE e.ends = 1 AND e.level = ${SUSPECTS} AND e.ages_from <= ? AND e.phase <> 2 ORDER BY e.ages_from LIMIT ${LOOKED_AT}`,
    until,
  );
  return found.filter(({ lane, leased }) => typeof leased !== "number" || leased < (lanes.get(textOr(lane)) ?? perLane)).slice(0, most);
}

function expired(sql: Sql, now: number, limit: number): readonly Found[] {
  if (limit <= 0) return [];
  return candidates(
    sql,
    `WHERE e.ends = 1 AND e.level > ${SUSPECTS} AND e.expires_at <= ? AND e.phase <> 2 ORDER BY e.expires_at LIMIT 0 + ?`,
    now,
    limit,
  );
}
