import type { Stored } from "../messages.ts";
import type { Sql } from "./sql.ts";
import { Damage, bytes, number, textOrNull } from "./sql.ts";

/** A content, with its bytes where they are in the database and no more than `room`. */
export function storedOf(sql: Sql, id: number, room: number): Stored {
  const found = sql.get(
    "SELECT c.size, c.crc, c.file, b.data FROM contents c LEFT JOIN bodies b ON b.content = c.id AND c.size <= ? WHERE c.id = ?",
    Math.min(room, Number.MAX_SAFE_INTEGER),
    id,
  );
  if (found === undefined) throw new Damage("the database has no content for it");
  const stored = { size: number(found.size), crc: number(found.crc) };
  const file = textOrNull(found.file);
  if (file !== null) return { ...stored, body: { file } };
  if (stored.size > room) return stored;
  return { ...stored, body: { data: bytes(found.data) } };
}
