import type { Answers, Change, Requests } from "../messages.ts";
import { takeBack } from "./claim.ts";
import type { Clock } from "./clock.ts";
import { readClock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { BadRequest } from "./failures.ts";
import { finish, forgetLane } from "./finish.ts";
import { whereOf } from "./people.ts";
import { setParking } from "./promote.ts";
import { DEAD, DUE, HELD, LEVEL, ORDINARY, WAITING } from "./schema.ts";
import type { Found, Sql } from "./sql.ts";
import { dueOf, laneOf } from "./rows.ts";
import { LATEST, number, text } from "./sql.ts";

/** `ends` of an entry that becomes ready. */
const SOMEBODY_LEFT = "CASE WHEN json_valid(rest) THEN coalesce(json_array_length(rest, '$.envelope.to'), 0) > 0 ELSE 0 END";

/** The phases that a change applies to; leased entries are their worker's. */
const from: Record<Change, readonly number[]> = {
  cancel: [WAITING, DUE, HELD, DEAD],
  hold: [WAITING, DUE],
  release: [HELD],
  retry: [WAITING, DUE, DEAD],
};

/** Entries that one transaction looks at: other work has its turn between two, and memory stays bounded. */
const PIECE = 1000;

export function change(engine: Engine, { selection, what, now, after }: Requests["change"]): Answers["change"] {
  const { where, values } = whereOf(selection);
  if (where === "TRUE") throw new BadRequest(`${what}: the selection is empty; give key, mail, lane or state`);
  const { sql, watch } = engine;
  // Only of those selected: whoever asks may have another clock than the workers.
  if (after === "") takeBack(engine, now, where, values);
  const piece = sql.all(
    `SELECT e.id, e.key, e.lane, e.phase, min(e.due_at, ${LATEST}) AS due_at, e.tried FROM entries e
     WHERE ${where} AND e.phase <> 2 AND e.key > ? ORDER BY e.key LIMIT ${PIECE}`,
    ...values,
    after,
  );
  const found = piece.filter(({ phase }) => from[what].includes(number(phase)));
  const clock = readClock(sql, watch);
  for (const each of found) {
    if (what === "cancel") finish(engine, number(each.id), now);
    else if (what === "hold") sql.run(`UPDATE entries SET phase = 3, ends = 0, level = ${ORDINARY} WHERE id = ?`, number(each.id));
    else if (what === "release") release(sql, each, clock, now);
    else retry(sql, each, clock, now);
  }
  if (what === "retry") {
    for (const lane of new Set(found.map((each) => number(each.lane)))) setParking(sql, lane, null);
  }
  const last = piece.length < PIECE ? undefined : piece.at(-1);
  return { changed: found.length, last: last === undefined ? null : text(last.key) };
}

function release(sql: Sql, entry: Found, clock: Clock, now: number): void {
  sql.run(
    `UPDATE entries SET phase = ?, level = ${LEVEL}, ends = ${SOMEBODY_LEFT}, note = NULL WHERE id = ?`,
    dueOf(entry, clock) <= now ? DUE : WAITING,
    number(entry.id),
  );
}

function retry(sql: Sql, entry: Found, clock: Clock, now: number): void {
  const id = number(entry.id);
  if (entry.phase !== DEAD) {
    sql.run("UPDATE entries SET phase = 1, due_at = ? WHERE id = ?", now - (entry.tried === 1 ? clock.dues : 0), id);
    return;
  }
  sql.run(
    `UPDATE entries SET phase = 1, ends = ${SOMEBODY_LEFT}, tried = 0, due_at = ?, ages_from = ?, attempts = 0, lapses = 0, note = NULL
     WHERE id = ?`,
    now,
    now - clock.ages,
    id,
  );
}

export function park({ sql }: Engine, { lane, until }: Requests["park"]): null {
  const { id } = laneOf(sql, lane);
  setParking(sql, id, until === 0 ? null : until);
  if (until === 0) forgetLane(sql, id);
  return null;
}
