import type { LaneCounts, QueueStats, Selection } from "@postroad/queue";
import type { Answers, ListedRow, Requests } from "../messages.ts";
import type { Clock } from "./clock.ts";
import { readClock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { isDamage } from "./failures.ts";
import { waitingLevels } from "./promote.ts";
import { candidates, rowOf } from "./rows.ts";
import { DEAD, HELD } from "./schema.ts";
import type { Found, Sql } from "./sql.ts";
import { LATEST, number, numberOrNull, text, textOr } from "./sql.ts";

const FULLEST = 100;

/** The condition and its values for a selection; it starts with the part that narrows most. */
export function whereOf({ key, mail, lane, state }: Selection): { readonly where: string; readonly values: string[] } {
  const parts: string[] = [];
  const values: string[] = [];
  function part(condition: string, value: string | undefined): void {
    if (value === undefined) return;
    parts.push(condition);
    values.push(value);
  }
  part("e.key = ?", key);
  part("e.mail = ?", mail);
  part("e.lane = (SELECT id FROM lanes WHERE name = ?)", lane);
  // The second half is what the partial index asks for.
  if (state === "ready") parts.push("e.phase < 3");
  else if (state !== undefined) parts.push(`e.phase = ${state === "held" ? HELD : DEAD} AND e.phase > 2`);
  return { where: parts.length === 0 ? "TRUE" : parts.join(" AND "), values };
}

export function list(engine: Engine, { after = "", limit = 100, ...selection }: Requests["list"]): Answers["list"] {
  const { sql, watch } = engine;
  const { where, values } = whereOf(selection);
  const clock = readClock(sql, watch);
  const page = (more: string): readonly Found[] =>
    candidates(sql, `WHERE ${where}${more} AND e.key > ? ORDER BY e.key LIMIT 0 + ?`, ...values, after, limit);
  const isByKey = selection.key !== undefined || (selection.mail === undefined && selection.lane === undefined);
  const found = isByKey ? page("") : merged(page(" AND e.phase <> 2"), leasedOf(sql, where, values, after), limit);
  return found.map((each) => listedRow(sql, each, clock));
}

/** What is leased is in no index by mail or lane; there is never much of it. */
function leasedOf(sql: Sql, where: string, values: readonly string[], after: string): readonly Found[] {
  return candidates(sql, `WHERE e.phase = 2 AND e.lease_until > 0 AND ${where} AND +e.key > ?`, ...values, after);
}

/** In the order of keys, which is that of their bytes. */
function merged(some: readonly Found[], others: readonly Found[], limit: number): readonly Found[] {
  if (others.length === 0) return some;
  return [...some, ...others].toSorted(byKey).slice(0, limit);
}

function byKey(one: Found, other: Found): number {
  return Buffer.compare(Buffer.from(textOr(one.key)), Buffer.from(textOr(other.key)));
}

function listedRow(sql: Sql, found: Found, clock: Clock): ListedRow {
  try {
    const content = sql.get("SELECT size FROM contents WHERE id = ?", number(found.content));
    return { ...rowOf(found, clock), leased: found.phase === 2, size: number(content?.size ?? 0) };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return unreadable(found);
  }
}

/** What can be said of a row that cannot be read; a claim makes it the dead letter that it is shown as. */
function unreadable({ key, mail, lane }: Found): ListedRow {
  const names = { key: textOr(key), mail: textOr(mail), lane: textOr(lane) };
  const nothing = { priority: 0, createdAt: 0, dueAt: 0, agesFrom: 0, expiresAt: null, series: null, attempts: 0, lapses: 0, note: null, rest: "", crc: null };
  return { ...names, ...nothing, state: "dead", leased: false, size: 0 };
}

export function stats(engine: Engine, { now }: Requests["stats"]): QueueStats {
  const { sql } = engine;
  const ripe = ripeByLane(engine, now);
  const totals = sql.get(
    `SELECT coalesce(sum(waiting), 0) AS waiting, coalesce(sum(due), 0) AS due, coalesce(sum(leased), 0) AS leased,
       coalesce(sum(held), 0) AS held, coalesce(sum(dead), 0) AS dead FROM lanes`,
  );
  const oldest = sql.get(
    `SELECT min(min((SELECT created_at FROM entries WHERE phase < 2 AND lane = l.id ORDER BY created_at LIMIT 1), ${LATEST})) AS oldest
     FROM lanes l`,
  );
  const { lapsed, since } = leasedByLane(sql, now);
  return {
    ...counts(totals, sumOf(ripe), sumOf(lapsed), earliest(oldest, ...since.values())),
    bytes: engine.totals.read().bytes,
    lanes: fullest(sql, ripe, lapsed, since),
  };
}

function earliest(found: Found | undefined, ...others: readonly (number | undefined)[]): number | null {
  const oldest = numberOrNull(found?.oldest) ?? LATEST;
  const first = others.reduce<number>((least, each) => Math.min(least, each ?? LATEST), oldest);
  return first === LATEST ? null : first;
}

function sumOf(byLane: ReadonlyMap<number, number>): number {
  return [...byLane.values()].reduce((sum, count) => sum + count, 0);
}

interface LeasedByLane {
  /** Leases that have run out, which no claim has taken back yet. */
  readonly lapsed: ReadonlyMap<number, number>;
  /** `created_at` of the oldest. */
  readonly since: ReadonlyMap<number, number>;
}

function leasedByLane(sql: Sql, now: number): LeasedByLane {
  const lapsed = new Map<number, number>();
  const since = new Map<number, number>();
  const leased = sql.each(`SELECT lane, lease_until <= ? AS over, min(created_at, ${LATEST}) AS since FROM entries WHERE phase = 2 AND lease_until > 0`, now);
  for (const each of leased) {
    const lane = number(each.lane);
    lapsed.set(lane, (lapsed.get(lane) ?? 0) + number(each.over));
    since.set(lane, Math.min(since.get(lane) ?? LATEST, number(each.since)));
  }
  return { lapsed, since };
}

/** Entries that no claim has made due yet, though they are. */
function ripeByLane({ sql, watch }: Engine, now: number): ReadonlyMap<number, number> {
  const { dues } = readClock(sql, watch);
  const ripe = new Map<number, number>();
  for (const priority of waitingLevels(sql)) {
    for (const [tried, until] of [[0, now] as const, [1, now - dues] as const]) {
      const found = sql.all(
        `SELECT lane, count(*) AS count FROM entries INDEXED BY entries_waiting
         WHERE phase = 0 AND priority = ? AND tried = ? AND due_at <= ? GROUP BY lane`,
        priority,
        tried,
        until,
      );
      for (const { lane, count } of found) ripe.set(number(lane), (ripe.get(number(lane)) ?? 0) + number(count));
    }
  }
  return ripe;
}

function counts(
  found: Found | undefined,
  ripe: number,
  lapsed: number,
  oldest: number | null,
): Omit<LaneCounts, "lane"> {
  return {
    due: number(found?.due) + ripe + lapsed,
    waiting: number(found?.waiting) - ripe,
    leased: number(found?.leased) - lapsed,
    held: number(found?.held),
    dead: number(found?.dead),
    ...(oldest !== null && { oldest }),
  };
}

function fullest(
  sql: Sql,
  ripe: ReadonlyMap<number, number>,
  lapsed: ReadonlyMap<number, number>,
  since: ReadonlyMap<number, number>,
): readonly LaneCounts[] {
  const found = sql.all(
    `SELECT id, name, waiting, due, leased, held, dead, parked_until FROM lanes
     WHERE waiting + due + leased + held + dead > 0 OR (parked_until IS NOT NULL AND probing = 0)
     ORDER BY waiting + due + leased + held + dead DESC, name LIMIT ${FULLEST}`,
  );
  return found.map((lane): LaneCounts => {
    const id = number(lane.id);
    const oldest = sql.get(`SELECT min(min(created_at), ${LATEST}) AS oldest FROM entries WHERE phase < 2 AND lane = ?`, id);
    const parkedUntil = numberOrNull(lane.parked_until);
    return {
      lane: text(lane.name),
      ...counts(lane, ripe.get(id) ?? 0, lapsed.get(id) ?? 0, earliest(oldest, since.get(id))),
      ...(parkedUntil !== null && { parkedUntil }),
    };
  });
}
