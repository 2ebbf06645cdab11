import type { EntryState } from "@postroad/queue";
import type { SQLInputValue } from "node:sqlite";
import type { Row } from "../messages.ts";
import type { Clock } from "./clock.ts";
import { DEAD, DUE, HELD, WAITING } from "./schema.ts";
import type { Found, Sql } from "./sql.ts";
import { isDamage } from "./failures.ts";
import { number, numberOrNull, text, textOrNull } from "./sql.ts";

const FROM = "FROM entries e JOIN lanes l ON l.id = e.lane";

/** The columns from which `rowOf` makes an entry; `e` is the entry, `l` its lane. */
const COLUMNS = `e.id, e.key, e.mail, e.content, l.name AS lane, l.probing, l.leased, e.priority, e.phase, e.tried, e.created_at,
  e.due_at, e.ages_from, e.expires_at, e.series, e.attempts, e.lapses, e.note, e.rest, e.crc`;

/**
 * The candidates that `which` finds, behind `FROM entries e JOIN lanes l ON l.id = e.lane`. Where one of them cannot even be
 * read, each is read alone, so that only that one is `damage`: with what can still be said of it.
 */
export function candidates(sql: Sql, which: string, ...values: readonly SQLInputValue[]): readonly Found[] {
  try {
    return sql.all(`SELECT ${COLUMNS} ${FROM} ${which}`, ...values);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return sql.all(`SELECT e.id ${FROM} ${which}`, ...values).map(({ id }) => candidate(sql, number(id)));
  }
}

function candidate(sql: Sql, id: number): Found {
  try {
    return sql.get(`SELECT ${COLUMNS} ${FROM} WHERE e.id = ?`, id) ?? { id };
  } catch (error) {
    if (!isDamage(error)) throw error;
    const name = sql.get(`SELECT e.key, e.mail, l.name AS lane ${FROM} WHERE e.id = ?`, id);
    return { id, key: "", mail: "", lane: "", ...name };
  }
}

export function rowOf(found: Found, clock: Clock): Row {
  return {
    key: text(found.key),
    mail: text(found.mail),
    lane: text(found.lane),
    priority: number(found.priority),
    state: stateOf(number(found.phase)),
    createdAt: number(found.created_at),
    dueAt: dueOf(found, clock),
    agesFrom: number(found.ages_from) + clock.ages,
    expiresAt: numberOrNull(found.expires_at),
    series: textOrNull(found.series),
    attempts: number(found.attempts),
    lapses: number(found.lapses),
    note: textOrNull(found.note),
    rest: text(found.rest),
    crc: numberOrNull(found.crc),
  };
}

function stateOf(phase: number): EntryState {
  return phase === HELD ? "held" : phase === DEAD ? "dead" : "ready";
}

/** What an entry of this state is doing, where `now` is known to have been. */
export function phaseOf({ state, dueAt }: Pick<Row, "state" | "dueAt">, now: number): number {
  if (state === "held") return HELD;
  if (state === "dead") return DEAD;
  return dueAt <= now ? DUE : WAITING;
}

/** `due_at` as its worker knows it. */
export function dueOf({ due_at: dueAt, tried }: Found, { dues }: Clock): number {
  return number(dueAt) + (tried === 1 ? dues : 0);
}

/** `due_at` as the database keeps it. */
export function storedDue({ attempts, dueAt }: Pick<Row, "attempts" | "dueAt">, clock: Clock): number {
  return attempts > 0 ? dueAt - clock.dues : dueAt;
}

/** A lane as one who adds to it has to know it. */
export interface Lane {
  readonly id: number;
  readonly leased: number;
  /** Nothing or only one of it is to be delivered. */
  readonly isParked: boolean;
}

/** A new one where it is unknown; one that is empty, and whose parking is over, is like a new one. */
export function laneOf(sql: Sql, name: string): Lane {
  const columns = `id, leased, parked_until IS NOT NULL AS parked,
    probing = 1 AND waiting + due + leased + held + dead = 0 AS over`;
  const known = sql.get(`SELECT ${columns} FROM lanes WHERE name = ?`, name);
  const found = known ?? sql.get(`INSERT INTO lanes (name) VALUES (?) RETURNING ${columns}`, name);
  const lane = { id: number(found?.id), leased: number(found?.leased), isParked: found?.parked === 1 };
  if (found?.over !== 1) return lane;
  sql.run("UPDATE lanes SET parked_until = NULL, probing = 0 WHERE id = ?", lane.id);
  return { ...lane, isParked: false };
}
