import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";

export type Found = Record<string, SQLOutputValue>;

/**
 * The database with its statements, each prepared once. For that they say `LIMIT 0 + ?`: SQLite looks at the value behind a
 * bare `LIMIT ?` while it plans, and so plans anew whenever another is bound, which costs more than most statements do.
 */
export interface Sql {
  /** Gives the number of rows changed. */
  run(query: string, ...values: readonly SQLInputValue[]): number;
  get(query: string, ...values: readonly SQLInputValue[]): Found | undefined;
  all(query: string, ...values: readonly SQLInputValue[]): readonly Found[];
  /** Rows one by one; nothing may be changed before the last is taken. */
  each(query: string, ...values: readonly SQLInputValue[]): Iterable<Found>;
  /** Statements that are not worth keeping. */
  exec(query: string): void;
  /** Every query that was prepared, for the test that looks at their plans. */
  queries(): readonly string[];
  close(): void;
}

export function sqlOf(database: DatabaseSync): Sql {
  const prepared = new Map<string, StatementSync>();
  function statement(query: string): StatementSync {
    const known = prepared.get(query);
    if (known !== undefined) return known;
    const made = database.prepare(query);
    prepared.set(query, made);
    return made;
  }
  return {
    run: (query, ...values) => Number(statement(query).run(...values).changes),
    get: (query, ...values) => statement(query).get(...values),
    all: (query, ...values) => statement(query).all(...values),
    each: (query, ...values) => statement(query).iterate(...values),
    exec: (query) => database.exec(query),
    queries: () => [...prepared.keys()],
    close() {
      prepared.clear();
      database.close();
    },
  };
}

/** SQLite rolls back by itself after some errors, and then says that there is nothing to roll back. */
export function rollBack(sql: Sql): void {
  try {
    sql.exec("ROLLBACK");
  } catch (error) {
    if (!/no transaction is active/.test(String(error))) throw error;
  }
}

/** A row is not what was written. */
export class Damage extends TypeError {}

/** A column that is a number. */
export function number(value: SQLOutputValue | undefined): number {
  if (typeof value === "number") return value;
  throw new Damage(`the database holds ${value === null ? "nothing" : `a ${typeof value}`} where a number belongs`);
}

/** A column that is a text. */
export function text(value: SQLOutputValue | undefined): string {
  if (typeof value === "string") return value;
  throw new Damage(`the database holds ${value === null ? "nothing" : `a ${typeof value}`} where a text belongs`);
}

/** What is more than this is damaged, and no number to us. */
export const LATEST: number = Number.MAX_SAFE_INTEGER;

/** Of what may be damaged: nothing where it is no text. */
export function textOr(value: SQLOutputValue | undefined): string {
  return typeof value === "string" ? value : "";
}

export function numberOrNull(value: SQLOutputValue | undefined): number | null {
  return value === null ? null : number(value);
}

export function textOrNull(value: SQLOutputValue | undefined): string | null {
  return value === null ? null : text(value);
}

export function bytes(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new Damage("the database holds no bytes where a content belongs");
}
