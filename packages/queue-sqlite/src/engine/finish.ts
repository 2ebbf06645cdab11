import { readClock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { isBusy } from "./failures.ts";
import type { Found, Sql } from "./sql.ts";
import { LATEST, number, text, textOrNull } from "./sql.ts";

/** Removes an entry, remembers its key, and lets go of its content where it was the last that needed it. */
export function finish(engine: Engine, id: number, now: number): void {
  const gone = engine.sql.get("DELETE FROM entries WHERE id = ? RETURNING key, content, lane", id);
  if (gone !== undefined) finished(engine, gone, now);
}

/** The same for an entry whose row is gone already: its `key`, `content` and `lane`. */
export function finished(engine: Engine, gone: Found, now: number): void {
  const { sql, settings } = engine;
  release(engine, number(gone.content));
  const lane = number(gone.lane);
  engine.left.delete(lane);
  engine.left.add(lane);
  if (settings.remember === 0) return;
  const until = now + settings.remember - readClock(sql, engine.watch).ages;
  sql.run("INSERT OR REPLACE INTO finished (key, until) VALUES (?, ?)", text(gone.key), until);
}

function release({ sql, removed, totals }: Engine, content: number): void {
  const last = sql.get(`DELETE FROM contents WHERE id = ? AND refs = 1 RETURNING iif(size <= ${LATEST}, size, 0) AS size, file`, content);
  totals.count({ entries: -1, bytes: last === undefined ? 0 : -number(last.size) });
  if (last === undefined) {
    sql.run("UPDATE contents SET refs = refs - 1 WHERE id = ?", content);
    return;
  }
  const file = textOrNull(last.file);
  if (file === null) sql.run("DELETE FROM bodies WHERE content = ?", content);
  else removed.push(file);
}

/** A lane is forgotten once it has no entry and is not parked. */
export function forgetLane(sql: Sql, lane: number): void {
  sql.run(
    `DELETE FROM lanes WHERE id = ? AND waiting + due + leased + held + dead = 0
       AND (parked_until IS NULL OR probing = 1)`,
    lane,
  );
}

/**
 * What a process that died has left. What is empty harms nobody: where it cannot be done now, the next start does it, and who has
 * the database locked is not waited for.
 */
export function forgetEmptyLanes(sql: Sql, busyTimeout: number): void {
  const empty = "waiting + due + leased + held + dead = 0 AND (parked_until IS NULL OR probing = 1)";
  sql.exec("PRAGMA busy_timeout = 0");
  try {
    if (sql.get(`SELECT 1 FROM lanes WHERE ${empty} LIMIT 1`) !== undefined) sql.exec(`DELETE FROM lanes WHERE ${empty}`);
  } catch (error) {
    if (!isBusy(error)) process.emitWarning(`cannot forget empty lanes: ${String(error)}`);
  }
  sql.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
}

/** Forgets keys whose time is up, so many at once. */
export function forget({ sql, watch }: Engine, now: number, limit: number): void {
  const { ages } = readClock(sql, watch);
  sql.run(
    "DELETE FROM finished WHERE key IN (SELECT key FROM finished WHERE until <= ? ORDER BY until LIMIT 0 + ?)",
    now - ages,
    limit,
  );
}
