import type { Failure } from "../messages.ts";
import { Damage } from "./sql.ts";

/** The file is there, but not as we need it. */
export class FileProblem extends Error {
  readonly advice: string;

  constructor(message: string, advice: string) {
    super(message);
    this.name = "FileProblem";
    this.advice = advice;
  }
}

/** A request that cannot be carried out as it is; nothing was written. */
export class BadRequest extends Error {}

// Primary result codes of SQLite (https://sqlite.org/rescode.html).
const BUSY = 5;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;
/** No room for the memory that the processes share, which is a file. */
const IOERR_SHMSIZE = 4874;

const told: ReadonlyMap<number, Pick<Failure, "message" | "advice" | "status">> = new Map([
  [BUSY, { status: "4.3.0", message: "is locked by another process", advice: "Find who keeps it locked, e.g. with fuser." }],
  [READONLY, { status: "4.3.0", message: "cannot be written", advice: "Check the permissions of the file and its folder." }],
  [IOERR, { status: "4.3.0", message: "cannot be read or written", advice: "Check the disk: see the system's log." }],
  [
    CORRUPT,
    {
      status: "4.3.0",
      message: "is damaged",
      advice: "Stop what uses it, copy it, and save what can be read: sqlite3 FILE .recover | sqlite3 NEW.",
    },
  ],
  [FULL, { status: "4.3.1", message: "cannot grow: the disk is full", advice: "Make room on the disk." }],
  [CANTOPEN, { status: "4.3.0", message: "cannot be opened", advice: "Check that its folder exists and can be written." }],
  [
    NOTADB,
    {
      status: "4.3.0",
      message: "is no SQLite database",
      advice: "Name another file; if it was a queue, it is damaged at its very start: restore it.",
    },
  ],
]);

/** What went wrong, for a Refusal: it names the file and says what to do. */
export function failureOf(error: unknown, path: string): Failure {
  if (error instanceof BadRequest) return { status: "4.3.0", message: error.message };
  if (error instanceof FileProblem) return { status: "4.3.0", message: `${path} ${error.message}`, advice: error.advice };
  const code = sqliteCode(error);
  const known = code === undefined ? undefined : told.get(code === IOERR_SHMSIZE ? FULL : code & 0xff);
  const text = error instanceof Error ? error.message : String(error);
  if (known === undefined) return { status: "4.3.0", message: `${path}: ${text}` };
  return { ...known, message: `${path} ${known.message} (${text})`, code: `SQLITE_${code}` };
}

/** SQLite's extended result code, where it is SQLite that failed. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

/** Another process has the database: what waits behind would wait as long. */
export function isBusy(error: unknown): boolean {
  return ((sqliteCode(error) ?? 0) & 0xff) === BUSY;
}

/** After these the connection is not to be trusted any more: what it believes to be on disk may not be there. */
export function breaksTrust(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && [IOERR, CORRUPT, NOTADB, CANTOPEN].includes(code & 0xff);
}

/** What was read is not what was written; the disk gave it, and the database as a whole may be sound. */
export function isDamage(error: unknown): boolean {
  if (error instanceof Damage) return true;
  // A number that no JavaScript number can be.
  if (error instanceof RangeError && "code" in error && error.code === "ERR_OUT_OF_RANGE") return true;
  return ((sqliteCode(error) ?? 0) & 0xff) === CORRUPT;
}

/** There was no space on the disk. */
export function isFull(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && (code & 0xff) === FULL;
}
