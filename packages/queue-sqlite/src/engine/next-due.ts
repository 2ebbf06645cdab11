import type { Clock } from "./clock.ts";
import { readClock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { waitingLevels } from "./promote.ts";
import type { Found, Sql } from "./sql.ts";
import { number } from "./sql.ts";

/** When there may be something to claim; each candidate is the first of an index. */
export function nextDue({ sql, watch }: Engine): number | null {
  const clock = readClock(sql, watch);
  const times = [...waiting(sql, clock), ...due(sql, clock), ...others(sql)];
  return times.length === 0 ? null : Math.min(...times);
}

function timeOf(found: Found | undefined, shift: number = 0): readonly number[] {
  return found === undefined ? [] : [number(found.at) + shift];
}

function waiting(sql: Sql, { dues }: Clock): readonly number[] {
  const first = "SELECT due_at AS at FROM entries WHERE phase = 0 AND priority = ? AND tried = ? ORDER BY due_at LIMIT 1";
  return [...waitingLevels(sql)].flatMap((priority) => [
    ...timeOf(sql.get(first, priority, 0)),
    ...timeOf(sql.get(first, priority, 1), dues),
  ]);
}

/** Anything that is due in a lane that is not parked: in the past, as far as the last claim tells. */
function due(sql: Sql, { dues, seen }: Clock): readonly number[] {
  const turn = sql.get("SELECT lane, level FROM turns WHERE parked = 0 LIMIT 1");
  if (turn === undefined) return [];
  const [lane, level] = [number(turn.lane), number(turn.level)];
  const first = `SELECT due_at AS at FROM entries
    WHERE phase = 1 AND lane = ? AND level = ? AND tried = ? ORDER BY due_at LIMIT 1`;
  const times = [...timeOf(sql.get(first, lane, level, 0)), ...timeOf(sql.get(first, lane, level, 1), dues)];
  return seen === null ? times : [...times, seen];
}

/** Leases and parkings that end, and what expires. */
function others(sql: Sql): readonly number[] {
  return [
    ...timeOf(sql.get("SELECT lease_until AS at FROM entries WHERE phase = 2 ORDER BY lease_until LIMIT 1")),
    ...timeOf(
      sql.get(`SELECT parked_until AS at FROM lanes
        WHERE parked_until IS NOT NULL AND probing = 0 AND due > 0 ORDER BY parked_until LIMIT 1`),
    ),
    ...timeOf(
      sql.get(`SELECT expires_at AS at FROM entries
        WHERE ends = 1 AND expires_at IS NOT NULL AND phase <> 2 ORDER BY expires_at LIMIT 1`),
    ),
  ];
}
