import type { Damaged } from "@postroad/queue";
import type { Requests } from "../messages.ts";
import type { Engine } from "./engine.ts";
import { isDamage } from "./failures.ts";
import { DEAD, ORDINARY } from "./schema.ts";
import type { Found, Sql } from "./sql.ts";
import { number, rollBack, textOr } from "./sql.ts";

/** What it becomes, and what is left of it stays as it is. */
const SET = `phase = ${DEAD}, ends = 0, level = ${ORDINARY}, token = NULL, lease_until = NULL, note = ?`;

/** Keeps for a person an entry that cannot be read, out of everybody's way. */
export function quarantine(sql: Sql, id: number, note: string): void {
  sql.run(`UPDATE entries SET ${SET} WHERE id = ?`, note, id);
}

/**
 * The same for the entry whose content could not be read, in a transaction of its own: SQLite takes nothing more in one
 * that met a damaged page. False where it was not that, or where not even this can be written.
 */
export function setAside(engine: Engine, error: unknown): boolean {
  const { sql, reading, untold } = engine;
  if (reading === undefined || !isDamage(error)) return false;
  const note = noteOf(error);
  try {
    sql.exec("BEGIN IMMEDIATE");
    quarantine(sql, number(reading.id), note);
    sql.exec("COMMIT");
  } catch {
    // What the caller hears is why the claim failed.
    rollBack(sql);
    return false;
  }
  untold.push(damagedOf(reading, note));
  return true;
}

export function noteOf(error: unknown): string {
  return `damaged: ${error instanceof Error ? error.message : String(error)}`;
}

export function damagedOf({ key, mail, lane }: Found, note: string): Damaged {
  return { key: textOr(key), mail: textOr(mail), lane: textOr(lane), note };
}

export function quarantineAll({ sql }: Engine, { entries }: Requests["quarantine"]): null {
  for (const { key, token, note } of entries) {
    sql.run(`UPDATE entries SET ${SET} WHERE key = ? AND phase <> ${DEAD} AND (phase <> 2 OR token = ?)`, note, key, token);
  }
  return null;
}
