import { randomUUID } from "node:crypto";

/**
 * A new UUID of version 7 (RFC 9562 §5.7): milliseconds since 1970, then 74 random bits. What is made one after the other lies
 * together wherever it is kept in order, and so costs a queue or a database fewer pages.
 */
export function uniqueId(now: number = Date.now()): string {
  const time = now.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
