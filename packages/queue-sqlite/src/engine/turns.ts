import type { Requests } from "../messages.ts";
import { candidates } from "./rows.ts";
import { OVERDUE } from "./schema.ts";
import type { Found, Sql } from "./sql.ts";
import { number, text } from "./sql.ts";

type Limits = Pick<Requests["claim"], "perLane" | "lanes">;

/** A lane at one level, while it is dealt out to. */
interface Seat {
  readonly lane: number;
  readonly level: number;
  fresh: number;
  tried: number;
  next: number;
  readonly rows: { readonly fresh: Found[]; readonly tried: Found[] };
}

/**
 * Up to `want` due entries of these levels: the highest first, in turns between its lanes, and within a lane in turns
 * between what is new and what was tried. Reads no more lanes than it gives entries and than are at their limit.
 */
export function inTurns(
  sql: Sql,
  limits: Limits,
  want: number,
  [lowest, highest]: readonly [lowest: number, highest: number],
): readonly Found[] {
  const room = new Map<number, number>();
  const given: Found[] = [];
  let level = nextLevel(sql, lowest, highest + 1);
  while (level !== undefined && given.length < want) {
    const seats = seatsAt(sql, limits, level, want - given.length, room);
    given.push(...deal(sql, seats, want - given.length, room));
    level = nextLevel(sql, lowest, level);
  }
  return given;
}

/** Is anything due in a lane that is not parked? */
export function isAnyDue(sql: Sql): boolean {
  return sql.get("SELECT 1 FROM turns WHERE parked = 0 LIMIT 1") !== undefined;
}

function nextLevel(sql: Sql, lowest: number, below: number): number | undefined {
  const found = sql.get(
    "SELECT level FROM turns WHERE parked = 0 AND level < ? AND level >= ? ORDER BY level DESC LIMIT 1",
    below,
    lowest,
  );
  return found === undefined ? undefined : number(found.level);
}

/** The lanes whose turn it is, `most` of them; `room` learns how much more each lane may have. */
function seatsAt(sql: Sql, limits: Limits, level: number, most: number, room: Map<number, number>): readonly Seat[] {
  const seats: Seat[] = [];
  const turns = sql.each(
    `SELECT t.lane, t.fresh, t.tried, t.next, l.name, l.leased, l.probing
     FROM turns t JOIN lanes l ON l.id = t.lane WHERE t.parked = 0 AND t.level = ? ORDER BY t.turn`,
    level,
  );
  for (const turn of turns) {
    const lane = number(turn.lane);
    const left = room.get(lane) ?? limitOf(turn, limits, level) - number(turn.leased);
    room.set(lane, left);
    if (left <= 0) continue;
    const [fresh, tried, next] = [number(turn.fresh), number(turn.tried), number(turn.next)];
    seats.push({ lane, level, fresh, tried, next, rows: { fresh: [], tried: [] } });
    if (seats.length === most) break;
  }
  return seats;
}

function limitOf(turn: Found, { perLane, lanes }: Limits, level: number): number {
  const limit = lanes.get(text(turn.name)) ?? perLane;
  // A lane that was parked shows with one entry whether it works again.
  return turn.probing === 1 && level < OVERDUE ? Math.min(1, limit) : limit;
}

/** Deals round after round; then fetches what each lane was dealt, and gives it in the order of the deal. */
function deal(sql: Sql, seats: readonly Seat[], want: number, room: Map<number, number>): readonly Found[] {
  const dealt: (readonly [Seat, "fresh" | "tried"])[] = [];
  for (let round = seats; round.length > 0 && dealt.length < want; ) {
    round = round.filter((seat) => {
      const left = room.get(seat.lane) ?? 0;
      if (left <= 0 || seat.fresh + seat.tried === 0 || dealt.length === want) return false;
      room.set(seat.lane, left - 1);
      dealt.push([seat, take(seat)]);
      return true;
    });
  }
  fetch(sql, dealt);
  moveBack(sql, dealt);
  return dealt.map(([seat, kind]) => seat.rows[kind].shift()).filter((found) => found !== undefined);
}

function take(seat: Seat): "fresh" | "tried" {
  const tried = seat.tried > 0 && (seat.next === 1 || seat.fresh === 0);
  seat.next = tried ? 0 : 1;
  if (tried) seat.tried -= 1;
  else seat.fresh -= 1;
  return tried ? "tried" : "fresh";
}

function fetch(sql: Sql, dealt: readonly (readonly [Seat, "fresh" | "tried"])[]): void {
  for (const kind of ["fresh", "tried"] as const) {
    const counts = new Map<Seat, number>();
    for (const [seat, of] of dealt) if (of === kind) counts.set(seat, (counts.get(seat) ?? 0) + 1);
    for (const [seat, count] of counts) {
      const found = candidates(
        sql,
        `WHERE e.phase = 1 AND e.lane = ? AND e.level = ? AND e.tried = ? ORDER BY e.due_at LIMIT 0 + ?`,
        seat.lane,
        seat.level,
        kind === "tried" ? 1 : 0,
        count,
      );
      seat.rows[kind].push(...found);
    }
  }
}

/** Who was dealt to is behind all others now, in the order of the deal. */
function moveBack(sql: Sql, dealt: readonly (readonly [Seat, unknown])[]): void {
  const seats = [...new Set(dealt.map(([seat]) => seat).toReversed())].toReversed();
  const level = seats[0]?.level ?? 0;
  const last = sql.get("SELECT turn FROM turns WHERE parked = 0 AND level = ? ORDER BY turn DESC LIMIT 1", level);
  let turn = last === undefined ? 0 : number(last.turn);
  for (const seat of seats) {
    turn += 1;
    sql.run("UPDATE turns SET turn = ?, next = ? WHERE lane = ? AND level = ?", turn, seat.next, seat.lane, seat.level);
  }
}
