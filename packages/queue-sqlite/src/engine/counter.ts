import type { Draft, Operation, Requests, Stored } from "../messages.ts";
import { isQuiet, prepare } from "./claim.ts";
import type { Clock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import type { Hand } from "./hand.ts";
import { handOf } from "./hand.ts";
import type { Lane } from "./rows.ts";
import { DUE, SUSPECT, WAITING } from "./schema.ts";

/**
 * Where a claim takes what is added in the same transaction: written as leased at once, it need not be put in line, taken
 * out again and read back.
 */
export interface Counter {
  readonly request: Requests["claim"];
  readonly hand: Hand;
  readonly clock: Clock;
  /** Nobody stands in line. */
  readonly isOpen: boolean;
  /** Places that have to be free in a lane for one of it to be taken: for all, where one may have to go before another. */
  readonly places: number;
  /** Something was added that only a look at what is due by now finds. */
  isPassed: boolean;
}

/** What may stand beside an add and a claim; a person's change, or a parking, comes before the claim. */
const harmless: ReadonlySet<Operation["verb"]> = new Set(["add", "claim", "settle", "renew", "content", "nextDue", "stats", "list"]);

/** Opened where there is a claim with a place for each entry, so that none of them goes before another. */
export function counterFor(engine: Engine, operations: readonly Operation[]): Counter | undefined {
  const request = operations.find((operation) => operation.verb === "claim")?.request;
  const rows = operations.flatMap((operation) => (operation.verb === "add" ? operation.request.rows : []));
  if (request === undefined || rows.length === 0 || rows.length > request.limit) return undefined;
  if (!operations.every(({ verb }) => harmless.has(verb)) || hasLapsed(engine, request.now)) return undefined;
  const clock = prepare(engine, request);
  const isEven = rows.every(({ priority }) => priority === rows[0]?.priority);
  const places = isEven ? 1 : rows.length;
  return { request, clock, hand: handOf(engine, request, clock), isOpen: isQuiet(engine, request, clock), places, isPassed: false };
}

/** A lease that has run out may be settled or renewed in this very transaction: only then is it taken back. */
function hasLapsed({ sql }: Engine, now: number): boolean {
  return sql.get("SELECT 1 FROM entries WHERE phase = 2 AND lease_until <= ? LIMIT 1", now) !== undefined;
}

/** The lease under which an entry that is due is written; undefined where it has to stand in line. */
export function leaseOver(engine: Engine, row: Draft, phase: number, lane: Lane): Lease | undefined {
  const { counter } = engine;
  if (counter === undefined) return undefined;
  if (phase === WAITING || lane.isParked) counter.isPassed = true;
  if (!counter.isOpen || phase !== DUE || lane.isParked || row.lapses >= SUSPECT) return undefined;
  // A newer one of its series may come before the claim does.
  if (row.series !== null) return undefined;
  const { now, ttl, lanes, perLane } = counter.request;
  return lane.leased + counter.places <= (lanes.get(row.lane) ?? perLane) ? { token: engine.token(), until: now + ttl } : undefined;
}

export interface Lease {
  readonly token: string;
  readonly until: number;
}

/** Gives over the counter what was written under such a lease. */
export function giveOver({ counter }: Engine, draft: Draft, agesFrom: number, token: string, [id, content]: readonly [number, Stored]): void {
  const { open: _, delayed: __, ...row } = draft;
  counter?.hand.give({ row: { ...row, agesFrom }, token, probe: false }, id, content);
}
