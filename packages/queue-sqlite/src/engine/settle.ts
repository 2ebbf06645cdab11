import type { Answers, Draft, Named, Requests } from "../messages.ts";
import { readClock } from "./clock.ts";
import { storedOf } from "./contents.ts";
import type { Engine } from "./engine.ts";
import { finish, finished } from "./finish.ts";
import { dueOf, phaseOf, storedDue } from "./rows.ts";
import { OVERDUE, SUSPECT, SUSPECTS } from "./schema.ts";
import { number } from "./sql.ts";

/** Writes the entry's next state in the name of its lease. The token is part of the condition: an old one finds nothing. */
export function settle(engine: Engine, { key, token, next }: Requests["settle"]): boolean {
  const { sql, watch } = engine;
  if (next === null) return remove(engine, key, token);
  const held = sql.get(
    "SELECT id, superseded, created_at, due_at, tried, level, lapses FROM entries WHERE key = ? AND phase = 2 AND token = ?",
    key,
    token,
  );
  if (held === undefined) return false;
  const id = number(held.id);
  const clock = readClock(sql, watch);
  const now = clock.seen ?? number(held.created_at);
  if (held.superseded === 1) finish(engine, id, now);
  else {
    // What was due stays due, wherever the clock went meanwhile.
    const wasDue = number(held.level) < OVERDUE ? dueOf(held, clock) : now;
    const lapses = Math.min(next.lapses, number(held.lapses));
    write(engine, id, { ...next, lapses }, phaseOf(next, Math.max(now, wasDue)));
  }
  return true;
}

function remove(engine: Engine, key: string, token: string): boolean {
  const gone = engine.sql.get(
    "DELETE FROM entries WHERE key = ? AND phase = 2 AND token = ? RETURNING key, content, lane, created_at",
    key,
    token,
  );
  if (gone === undefined) return false;
  finished(engine, gone, readClock(engine.sql, engine.watch).seen ?? number(gone.created_at));
  return true;
}

function write({ sql, watch }: Engine, id: number, next: Draft, phase: number): void {
  sql.run(
    `UPDATE entries SET priority = ?, level = ?, phase = ?, tried = ?, ends = ?, delayed = ?, due_at = ?,
       expires_at = ?, series = ?, attempts = ?, lapses = ?, token = NULL, lease_until = NULL, note = ?, rest = ?, crc = ?
     WHERE id = ?`,
    next.priority,
    next.lapses >= SUSPECT && next.state === "ready" ? SUSPECTS : next.priority,
    phase,
    next.attempts > 0 ? 1 : 0,
    next.state === "ready" && next.open ? 1 : 0,
    next.delayed ? 1 : 0,
    storedDue(next, readClock(sql, watch)),
    next.expiresAt,
    next.series,
    next.attempts,
    next.lapses,
    next.note,
    next.rest,
    next.crc,
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
