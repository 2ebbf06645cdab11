import { readClock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { number, text, textOrNull } from "./sql.ts";

/** Removes an entry, remembers its key, and lets go of its content where it was the last that needed it. */
export function finish(engine: Engine, id: number, now: number): void {
  const { sql, settings } = engine;
  const gone = sql.get("DELETE FROM entries WHERE id = ? RETURNING key, content", id);
  if (gone === undefined) return;
  release(engine, number(gone.content));
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

/** Forgets keys whose time is up, so many at once. */
export function forget({ sql, watch }: Engine, now: number, limit: number): void {
  const { ages } = readClock(sql, watch);
  sql.run(
    "DELETE FROM finished WHERE key IN (SELECT key FROM finished WHERE until <= ? ORDER BY until LIMIT ?)",
    now - ages,
    limit,
  );
}
