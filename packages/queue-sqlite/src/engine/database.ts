import { closeSync, openSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Settings } from "../messages.ts";
import { FileProblem, isBusy } from "./failures.ts";
import { APPLICATION_ID, migrations } from "./schema.ts";
import type { Sql } from "./sql.ts";
import { number, rollBack, sqlOf } from "./sql.ts";

/** Kilobytes of pages kept in memory. */
const CACHE = 65_536;
/** Milliseconds before a locked file is asked again. */
const PAUSE = 10;
/** Pages the log grows to before it is copied back into the database. */
const CHECKPOINT = 4000;

/** Opens the file, makes it ours where it is new, and brings an older schema up to date. */
export function openDatabase({ path, busyTimeout }: Pick<Settings, "path" | "busyTimeout">): Sql {
  createPrivate(path);
  const isUnclean = hasLog(path);
  const database = new DatabaseSync(path);
  const sql = sqlOf(database);
  try {
    sql.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
    patiently(busyTimeout, () => checkOwner(sql));
    const mode = patiently(busyTimeout, () => sql.get("PRAGMA journal_mode = WAL")?.journal_mode);
    if (mode !== "wal") throw new FileProblem("cannot keep a write-ahead log", "Put the file on a local disk.");
    // FULL syncs the log at every commit; NORMAL, in WAL mode, would not.
    sql.exec("PRAGMA synchronous = FULL");
    sql.exec(`PRAGMA cache_size = -${CACHE}`);
    sql.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT}`);
    sql.exec("PRAGMA temp_store = MEMORY");
    migrate(sql);
    if (isUnclean) emptyLog(sql, busyTimeout);
    return sql;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite does not wait where two processes turn on the log of a new file at once: one is told at once that it is locked. */
function patiently<T>(busyTimeout: number, task: () => T): T {
  const end = performance.now() + busyTimeout;
  for (;;) {
    try {
      return task();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}

/** Mail is its owner's. What SQLite puts beside the file has the same mode. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch {
    // It is there, or cannot be made: SQLite, which opens it next, says why.
  }
}

/** Who closes the file last empties its log: one that is there was left by a process that died, or one has the file open. */
function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** The log of a dead process may have grown as large as the disk let it. Nobody is waited for, and nothing depends on it. */
function emptyLog(sql: Sql, busyTimeout: number): void {
  sql.exec("PRAGMA busy_timeout = 0");
  try {
    sql.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // No room, or somebody has it: what is committed is in the log, and read from there.
  }
  sql.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
}

function versionOf(sql: Sql): number {
  return number(sql.get("PRAGMA user_version")?.user_version);
}

/** Refuses what is not ours before anything is written to it. */
function checkOwner(sql: Sql): void {
  // At once: another process may be making the file ours.
  const found = sql.get("SELECT application_id AS owner, (SELECT count(*) FROM sqlite_schema) AS tables FROM pragma_application_id");
  const [owner, tables] = [number(found?.owner), number(found?.tables)];
  if (owner !== APPLICATION_ID && (owner !== 0 || tables > 0)) {
    throw new FileProblem("is another application's SQLite database", "Give the queue a file of its own.");
  }
  const version = versionOf(sql);
  if (version > migrations.length) {
    throw new FileProblem(
      `has version ${version} of the schema, and this release knows ${migrations.length}`,
      "Update @postroad/queue-sqlite; a newer release wrote this file.",
    );
  }
}

function migrate(sql: Sql): void {
  if (versionOf(sql) === migrations.length) return;
  sql.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have done it while this one waited for the lock.
    for (const step of migrations.slice(versionOf(sql))) sql.exec(step);
    sql.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    sql.exec(`PRAGMA user_version = ${migrations.length}`);
    sql.exec("COMMIT");
  } catch (error) {
    rollBack(sql);
    throw error;
  }
}
