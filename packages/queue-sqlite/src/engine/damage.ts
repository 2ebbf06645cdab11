import type { Requests } from "../messages.ts";
import type { Engine } from "./engine.ts";
import { DEAD } from "./schema.ts";
import type { Sql } from "./sql.ts";

/** What it becomes, and what is left of it stays as it is. */
const SET = `phase = ${DEAD}, ready = 0, ends = 0, level = priority, token = NULL, lease_until = NULL, note = ?`;

/** Keeps for a person an entry that cannot be read, out of everybody's way. */
export function quarantine(sql: Sql, id: number, note: string): void {
  sql.run(`UPDATE entries SET ${SET} WHERE id = ?`, note, id);
}

export function quarantineAll({ sql }: Engine, { entries }: Requests["quarantine"]): null {
  for (const { key, token, note } of entries) {
    sql.run(`UPDATE entries SET ${SET} WHERE key = ? AND phase <> ${DEAD} AND (phase <> 2 OR token = ?)`, note, key, token);
  }
  return null;
}
