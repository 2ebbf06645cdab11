import type { Draft, Operation, Requests, Stored } from "../messages.ts";
import { isQuiet, prepare } from "./claim.ts";
import type { Clock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import type { Hand } from "./hand.ts";
import { handOf } from "./hand.ts";
import type { Lane } from "./rows.ts";
import { SUSPECT } from "./schema.ts";

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
}

/** Opened where there is a claim with a place for each entry, so that none of them goes before another. */
export function counterFor(engine: Engine, operations: readonly Operation[]): Counter | undefined {
  let request: Requests["claim"] | undefined;
  let added = 0;
  for (const operation of operations) {
    if (operation.verb === "claim") request ??= operation.request;
    else if (operation.verb === "add") added += operation.request.rows.length;
  }
  if (request === undefined || added === 0 || added > request.limit) return undefined;
  const clock = prepare(engine, request);
  return { request, clock, hand: handOf(engine, request, clock), isOpen: isQuiet(engine, request, clock) };
}

/** The lease under which an entry that is due is written; undefined where it has to stand in line. */
export function leaseOver(engine: Engine, row: Draft, lane: Lane): Lease | undefined {
  const { counter } = engine;
  if (counter === undefined || !counter.isOpen || lane.isParked || row.lapses >= SUSPECT) return undefined;
  // A newer one of its series may come before the claim does.
  if (row.series !== null) return undefined;
  const { now, ttl, lanes, perLane } = counter.request;
  return lane.leased < (lanes.get(row.lane) ?? perLane) ? { token: engine.token(), until: now + ttl } : undefined;
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
