import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Answers, Draft, Requests, Stored } from "../messages.ts";
import type { Clock } from "./clock.ts";
import { readClock, storedAge } from "./clock.ts";
import { giveOver, leaseOver } from "./counter.ts";
import type { Engine } from "./engine.ts";
import { BadRequest } from "./failures.ts";
import { finish } from "./finish.ts";
import { laneOf, phaseOf, storedDue } from "./rows.ts";
import { LEASED } from "./schema.ts";
import { number, text } from "./sql.ts";

type Add = Requests["add"];

/** One content and its entries; those that are there or were finished are left out. */
export function add(engine: Engine, request: Add): Answers["add"] {
  const fresh = newOnes(engine, request.rows);
  const added = request.rows.map((row) => fresh.has(row));
  if (fresh.size === 0) return { added, superseded: [] };
  const full = limitReached(engine, fresh.size, request.size);
  if (full !== undefined) return { added: request.rows.map(() => false), superseded: [], full };
  const superseded = supersede(engine, fresh);
  const content = addContent(engine, request, fresh.size);
  const clock = readClock(engine.sql, engine.watch);
  const { size, crc, body } = request;
  for (const row of fresh) addEntry(engine, row, [content, { size, crc, body }], clock);
  return { added, superseded };
}

/** Rows whose keys are neither there nor remembered, each key once. */
function newOnes({ sql }: Engine, rows: readonly Draft[]): ReadonlySet<Draft> {
  const byKey = new Map<string, Draft>();
  for (const row of rows) {
    const known =
      byKey.has(row.key) ||
      sql.get("SELECT 1 FROM entries WHERE key = ?1 UNION ALL SELECT 1 FROM finished WHERE key = ?1", row.key) !== undefined;
    if (!known) byKey.set(row.key, row);
  }
  return new Set(byKey.values());
}

function limitReached({ totals, settings }: Engine, entries: number, size: number): string | undefined {
  const held = totals.read();
  if (held.entries + entries > settings.maxEntries) return `it may hold ${settings.maxEntries} entries`;
  if (held.bytes + size > settings.maxBytes) return `it may hold ${settings.maxBytes} bytes`;
  return undefined;
}

function addContent({ sql, settings, totals }: Engine, { body, size, crc }: Add, refs: number): number {
  const file = "file" in body ? body.file : null;
  // Another process that starts removes files which nothing refers to; it does so under the same lock.
  if (file !== null && !existsSync(join(settings.folder, file))) {
    throw new BadRequest(`the content's file ${file} was removed before it could be referred to`);
  }
  const made = sql.get(
    "INSERT INTO contents (refs, size, crc, file) VALUES (?, ?, ?, ?) RETURNING id",
    refs,
    size,
    crc,
    file,
  );
  const id = number(made?.id);
  if ("data" in body) sql.run("INSERT INTO bodies (content, data) VALUES (?, ?)", id, body.data);
  totals.count({ entries: refs, bytes: size });
  return id;
}

function addEntry(engine: Engine, row: Draft, [id, content]: readonly [number, Stored], clock: Clock): void {
  const { sql } = engine;
  // What was due when the queue took it over is due, whatever the clock says later.
  const phase = phaseOf(row, row.createdAt);
  const lane = laneOf(sql, row.lane);
  const agesFrom = storedAge(row, clock);
  const lease = leaseOver(engine, row, phase, lane);
  sql.run(
    `INSERT INTO entries (key, mail, content, lane, priority, level, phase, tried, ends, delayed, created_at, due_at,
       ages_from, expires_at, series, attempts, lapses, token, lease_until, note, rest, crc)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    row.key,
    row.mail,
    id,
    lane.id,
    row.priority,
    row.priority,
    lease === undefined ? phase : LEASED,
    row.attempts > 0 ? 1 : 0,
    row.state === "ready" && row.open ? 1 : 0,
    row.delayed ? 1 : 0,
    row.createdAt,
    storedDue(row, clock),
    agesFrom,
    row.expiresAt,
    row.series,
    row.attempts,
    row.lapses,
    lease?.token ?? null,
    lease?.until ?? null,
    row.note,
    row.rest,
    row.crc,
  );
  if (lease !== undefined) giveOver(engine, row, agesFrom + clock.ages, lease.token, [id, content]);
}

/** Older mails of the same series give way; those in flight once they are settled. */
function supersede(engine: Engine, fresh: ReadonlySet<Draft>): readonly string[] {
  const { sql } = engine;
  const keys: string[] = [];
  for (const [series, { mail, createdAt }] of newestBySeries(fresh)) {
    const older = sql.all(
      "SELECT id, key, phase FROM entries WHERE series = ? AND mail <> ? AND superseded = 0",
      series,
      mail,
    );
    const now = readClock(sql, engine.watch).seen ?? createdAt;
    for (const { id, key, phase } of older) {
      if (phase === 2) sql.run("UPDATE entries SET superseded = 1 WHERE id = ?", number(id));
      else finish(engine, number(id), now);
      keys.push(text(key));
    }
  }
  return keys;
}

function newestBySeries(rows: ReadonlySet<Draft>): ReadonlyMap<string, Draft> {
  return new Map([...rows].flatMap((row) => (row.series === null ? [] : [[row.series, row] as const])));
}
