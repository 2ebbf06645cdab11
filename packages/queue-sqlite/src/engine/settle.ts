import type { Answers, Named, Requests, Row } from "../messages.ts";
import { readClock } from "./clock.ts";
import { storedOf } from "./contents.ts";
import type { Engine } from "./engine.ts";
import { finish } from "./finish.ts";
import { laneId, phaseOf, storedDue } from "./rows.ts";
import { number } from "./sql.ts";

/** Writes the entry's next state in the name of its lease. The token is part of the condition: an old one finds nothing. */
export function settle(engine: Engine, { key, token, next }: Requests["settle"]): boolean {
  const { sql, watch } = engine;
  const held = sql.get(
    "SELECT id, superseded, created_at FROM entries WHERE key = ? AND phase = 2 AND token = ?",
    key,
    token,
  );
  if (held === undefined) return false;
  const id = number(held.id);
  const now = readClock(sql, watch).seen ?? number(held.created_at);
  if (next === null || held.superseded === 1) finish(engine, id, now);
  else write(engine, id, next, now);
  return true;
}

function write({ sql, watch }: Engine, id: number, next: Row, now: number): void {
  sql.run(
    `UPDATE entries SET lane = ?, priority = ?, level = ?, phase = ?, ready = ?, tried = ?, due_at = ?, expires_at = ?,
       series = ?, attempts = ?, lapses = 0, token = NULL, lease_until = NULL, note = ?, rest = ?
     WHERE id = ?`,
    laneId(sql, next.lane),
    next.priority,
    next.priority,
    phaseOf(next, now),
    next.state === "ready" ? 1 : 0,
    next.attempts > 0 ? 1 : 0,
    storedDue(next, readClock(sql, watch)),
    next.expiresAt,
    next.series,
    next.attempts,
    next.note,
    next.rest,
    id,
  );
}

export function renew({ sql }: Engine, { leases, until }: Requests["renew"]): Answers["renew"] {
  return leases.map(
    ({ key, token }) =>
      sql.run("UPDATE entries SET lease_until = ? WHERE key = ? AND phase = 2 AND token = ?", until, key, token) === 1,
  );
}

/** The content of a leased entry; null where the lease was lost. */
export function content({ sql }: Engine, { key, token }: Named): Answers["content"] {
  const held = sql.get("SELECT content FROM entries WHERE key = ? AND phase = 2 AND token = ?", key, token);
  return held === undefined ? null : storedOf(sql, number(held.content), Number.POSITIVE_INFINITY);
}
