import type { Deferred, Outcome, Window } from "@postroad/core";
import { congestionWindow, isAnswer, isCongestion } from "@postroad/core";
import { askedFor, waitOf } from "./waits.ts";
import type { Policy } from "./drain-options.ts";
import type { ParkedEvent, TroubleEvent, UnparkedEvent } from "./events.ts";
import type { Lease, Store } from "./store.ts";

/** One delivery in a lane. */
export interface Visit {
  /** Ends it, with what it shows of the destination; undefined where it shows nothing. Waits for the lane to be parked. */
  leave(outcomes: readonly Outcome[] | undefined): Promise<void> | undefined;
}

/** What this worker has learnt of destinations. */
export interface LaneMemory {
  /** Limits of lanes that differ from `initial`. */
  limits(): ReadonlyMap<string, number> | undefined;
  /** The lane of a probe was parked, perhaps by another worker, or by one that is gone. */
  enter(lease: Lease): Visit;
  /** Nothing has got through for a while, and nobody has tried since. */
  isDead(lane: string): boolean;
  /** What a dead lane said last. */
  reasonOf(lane: string): Deferred | undefined;
}

interface Lane {
  readonly name: string;
  readonly window: Window;
  inside: number;
  /** Most at once since the window last changed. */
  peak: number;
  /** Deliveries in a row that found only congestion. */
  strikes: number;
  /** How often it was parked since somebody answered. */
  parks: number;
  /** Another after each parking: what began before says nothing new. */
  epoch: number;
  reason: Deferred | undefined;
}

/** One lost connection is chance. */
const STRIKES = 3;
const LONGEST_PARKING = 14_400_000;
/** Lanes remembered at most. */
const KNOWN = 10_000;

type Emit = (event: ParkedEvent | UnparkedEvent | TroubleEvent) => void;

/** Destinations one by one: how many deliveries at once they take, and which are dead. A dead one is parked, each time for longer, and tried with one mail. */
export function laneMemory(store: Store, policy: Policy, emit: Emit): LaneMemory {
  const { clock, window: bounds } = policy;
  const lanes = new Map<string, Lane>();
  const limits = new Map<string, number>();

  function laneOf(name: string): Lane {
    const known = lanes.get(name);
    if (known !== undefined) return known;
    if (lanes.size >= KNOWN) forgetOne();
    const lane = { name, window: congestionWindow(bounds), inside: 0, peak: 0, strikes: 0, parks: 0, epoch: 0, reason: undefined };
    lanes.set(name, lane);
    return lane;
  }

  function forgetOne(): void {
    for (const { name, inside } of lanes.values()) {
      if (inside > 0) continue;
      lanes.delete(name);
      limits.delete(name);
      return;
    }
  }

  function note(lane: Lane): void {
    const limit = lane.parks > 0 ? 1 : lane.window.width;
    if (limit === bounds.initial) limits.delete(lane.name);
    else limits.set(lane.name, limit);
    const isPlain = lane.inside === 0 && lane.strikes === 0 && lane.parks === 0 && limit === bounds.initial;
    if (isPlain) lanes.delete(lane.name);
  }

  async function tellStore(lane: string, until: number, event: ParkedEvent | UnparkedEvent): Promise<void> {
    try {
      await store.park(lane, until);
      emit(event);
    } catch (error) {
      emit({ kind: "trouble", at: clock.now(), during: "park", error });
    }
  }

  function park(lane: Lane, outcome: Deferred): Promise<void> {
    lane.parks += 1;
    lane.epoch += 1;
    lane.strikes = 0;
    const at = clock.now();
    const wait = Math.min(LONGEST_PARKING, waitOf(policy.schedule, lane.parks, 0) ?? LONGEST_PARKING);
    const until = at + Math.max(wait, askedFor(outcome));
    return tellStore(lane.name, until, { kind: "parked", at, lane: lane.name, until, outcome });
  }

  function strike(lane: Lane, outcome: Deferred, epoch: number): Promise<void> | undefined {
    if (epoch !== lane.epoch) return undefined;
    lane.strikes += 1;
    lane.reason = outcome;
    return lane.parks > 0 || lane.strikes >= STRIKES ? park(lane, outcome) : undefined;
  }

  function recover(lane: Lane): Promise<void> | undefined {
    const wasDead = lane.parks > 0;
    lane.strikes = 0;
    lane.parks = 0;
    lane.reason = undefined;
    return wasDead ? tellStore(lane.name, 0, { kind: "unparked", at: clock.now(), lane: lane.name }) : undefined;
  }

  function judge(lane: Lane, outcomes: readonly Outcome[], round: number, epoch: number): Promise<void> | undefined {
    const { width } = lane.window;
    const congested = outcomes.find((outcome): outcome is Deferred => isCongestion(outcome));
    const isAnswered = outcomes.some((outcome) => isAnswer(outcome) && !isCongestion(outcome));
    if (congested !== undefined) lane.window.cut(round);
    else if (isAnswered) lane.window.grow(lane.peak);
    if (lane.window.width !== width) lane.peak = lane.inside;
    if (isAnswered) return recover(lane);
    return congested === undefined ? undefined : strike(lane, congested, epoch);
  }

  return {
    limits: () => (limits.size === 0 ? undefined : limits),
    enter({ entry, probe }) {
      const lane = laneOf(entry.lane);
      if (probe === true) lane.parks = Math.max(1, lane.parks);
      const { epoch } = lane;
      const { round } = lane.window;
      lane.inside += 1;
      lane.peak = Math.max(lane.peak, lane.inside);
      return {
        leave(outcomes) {
          lane.inside -= 1;
          const done = outcomes === undefined ? undefined : judge(lane, outcomes, round, epoch);
          note(lane);
          return done;
        },
      };
    },
    isDead: (name) => (lanes.get(name)?.parks ?? 0) > 0,
    reasonOf: (name) => lanes.get(name)?.reason,
  };
}
