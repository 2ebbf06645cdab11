import type { Sql } from "./sql.ts";
import { number } from "./sql.ts";

/** How much the whole queue holds. */
export interface Sizes {
  readonly entries: number;
  readonly bytes: number;
}

/** Counts within a transaction, and writes the sum once at its end. */
export interface Totals {
  /** With what this transaction has counted. */
  read(): Sizes;
  count(change: Sizes): void;
  /** A transaction begins, or was rolled back. */
  reset(): void;
  write(): void;
}

export function totalsOf(sql: Sql): Totals {
  let stored: Sizes | undefined;
  let counted: Sizes = { entries: 0, bytes: 0 };

  function readRow(): Sizes {
    const row = sql.get("SELECT entries, bytes FROM totals");
    return { entries: number(row?.entries), bytes: number(row?.bytes) };
  }

  return {
    read() {
      stored ??= readRow();
      return { entries: stored.entries + counted.entries, bytes: stored.bytes + counted.bytes };
    },
    count({ entries, bytes }) {
      counted = { entries: counted.entries + entries, bytes: counted.bytes + bytes };
    },
    reset() {
      stored = undefined;
      counted = { entries: 0, bytes: 0 };
    },
    write() {
      const { entries, bytes } = counted;
      if (entries !== 0 || bytes !== 0) sql.run("UPDATE totals SET entries = entries + ?, bytes = bytes + ?", entries, bytes);
    },
  };
}
