import { readClock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import type { Sql } from "./sql.ts";
import { number, text, textOrNull } from "./sql.ts";

/** Removes an entry, remembers its key, and lets go of its content where it was the last that needed it. */
export function finish(engine: Engine, id: number, now: number): void {
  const { sql, settings } = engine;
  const gone = sql.get("DELETE FROM entries WHERE id = ? RETURNING key, content, lane", id);
  if (gone === undefined) return;
  release(engine, number(gone.content));
  forgetLane(sql, number(gone.lane));
  if (settings.remember === 0) return;
  const until = now + settings.remember - readClock(sql, engine.watch).ages;
  sql.run("INSERT OR REPLACE INTO finished (key, until) VALUES (?, ?)", text(gone.key), until);
}

function release({ sql, removed }: Engine, content: number): void {
  const left = sql.get("UPDATE contents SET refs = refs - 1 WHERE id = ? RETURNING refs, size, file", content);
  if (left === undefined || number(left.refs) > 0) return;
  sql.run("DELETE FROM contents WHERE id = ?", content);
  sql.run("UPDATE totals SET bytes = bytes - ?", number(left.size));
  const file = textOrNull(left.file);
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

/** Forgets keys whose time is up, so many at once. */
export function forget({ sql, watch }: Engine, now: number, limit: number): void {
  const { ages } = readClock(sql, watch);
  sql.run(
    "DELETE FROM finished WHERE key IN (SELECT key FROM finished WHERE until <= ? ORDER BY until LIMIT ?)",
    now - ages,
    limit,
  );
}
