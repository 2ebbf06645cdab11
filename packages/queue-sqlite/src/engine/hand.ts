import type { Damaged } from "@postroad/queue";
import type { Answers, Leased, Requests, Stored } from "../messages.ts";
import type { Clock } from "./clock.ts";
import { storedOf } from "./contents.ts";
import { damagedOf, noteOf, quarantine } from "./damage.ts";
import type { Engine } from "./engine.ts";
import { breaksTrust, isDamage } from "./failures.ts";
import { rowOf } from "./rows.ts";
import type { Found } from "./sql.ts";
import { number } from "./sql.ts";

/** Bytes of contents that come along with a claim at most; the others are fetched when they are read. */
const ALONG = 8 * 1024 * 1024;

/** What a claim gives. */
export interface Hand {
  readonly leases: readonly Leased[];
  readonly answer: Answers["claim"];
  /** Leases these; what of them cannot be read is set aside. */
  take(found: readonly Found[]): void;
  /** One that was written down as leased, with the content of this number. */
  give(lease: Omit<Leased, "content">, id: number, content: Stored): void;
}

/** Leases what it takes, and fetches each content once. */
export function handOf(engine: Engine, { now, ttl }: Requests["claim"], clock: Clock): Hand {
  const { sql } = engine;
  const leases: Leased[] = [];
  const contents: Stored[] = [];
  const damaged: Damaged[] = [...engine.untold];
  const places = new Map<number, number>();
  let room = ALONG;

  function place(id: number, get: () => Stored): number {
    const known = places.get(id);
    if (known !== undefined) return known;
    const stored = get();
    if (stored.body !== undefined && "data" in stored.body) room -= stored.size;
    places.set(id, contents.length);
    return contents.push(stored) - 1;
  }

  function lease(each: Found): Leased {
    const row = rowOf(each, clock);
    engine.reading = each;
    const id = number(each.content);
    const content = place(id, () => storedOf(sql, id, room));
    engine.reading = undefined;
    const token = engine.token();
    sql.run(
      "UPDATE entries SET phase = 2, token = ?, lease_until = ? WHERE id = ?",
      token,
      now + ttl,
      number(each.id),
    );
    return { row, token, probe: each.probing === 1, content };
  }

  function setAside(each: Found, error: unknown): void {
    if (!isDamage(error) || breaksTrust(error)) throw error;
    engine.reading = undefined;
    const note = noteOf(error);
    quarantine(sql, number(each.id), note);
    damaged.push(damagedOf(each, note));
  }

  return {
    leases,
    answer: { leases, contents, damaged },
    take(found) {
      for (const each of found) {
        try {
          leases.push(lease(each));
        } catch (error) {
          setAside(each, error);
        }
      }
    },
    give: (given, id, content) => leases.push({ ...given, content: place(id, () => content) }),
  };
}
