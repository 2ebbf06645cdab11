import type { ClaimRequest } from "../store.ts";
import type { Agenda } from "./agenda.ts";
import { agenda } from "./agenda.ts";
import type { Kept, Ticket } from "./kept.ts";
import { SUSPECTS, isValid, levelOf } from "./kept.ts";
import type { Line } from "../line.ts";
import { line } from "../line.ts";

/** What is due, by priority and lane. */
export interface Lanes {
  /** Counts an entry in, whatever its state. */
  enter(lane: string): void;
  leave(lane: string): void;
  /** An entry that is due now. */
  put(ticket: Ticket): void;
  /** Takes the suspect that may go now, if there is one. */
  takeSuspect(request: ClaimRequest, each: (kept: Kept) => void): void;
  /** Takes the entries that may go now, with a priority from `lowest` on: the highest first, in turns between lanes. No suspects. */
  take(request: ClaimRequest, limit: number, lowest: number, each: (kept: Kept) => void): void;
  lease(lane: string): void;
  unlease(lane: string): void;
  /** May another entry of this lane be leased? */
  hasRoom(lane: string, request: ClaimRequest): boolean;
  park(lane: string, until: number | undefined): void;
  parkedUntil(lane: string): number | undefined;
  /** Parked lanes whose time has come may be claimed from again. */
  wake(now: number): void;
  /** Does something wait in a lane that is not parked at that time? */
  hasDue(now: number): boolean;
  /** When the first of the parked lanes with something in it may be claimed from. */
  nextWake(): number | undefined;
  /** Moves the time of every parked lane. */
  shift(by: number): void;
}

interface Queue {
  readonly fresh: Line<Ticket>;
  readonly tried: Line<Ticket>;
  triedNext: boolean;
  inRing: boolean;
}

interface Lane {
  readonly name: string;
  readonly queues: Map<number, Queue>;
  entries: number;
  leased: number;
  /** In the past: one at a time. */
  parkedUntil: number | undefined;
  isAsleep: boolean;
}

const PRIORITIES = Array.from({ length: 19 }, (_, index) => 9 - index);

export function lanes(): Lanes {
  const all = new Map<string, Lane>();
  const rings = new Map<number, Line<Lane>>([...PRIORITIES, SUSPECTS].map((level) => [level, line()]));
  const parked: Agenda<{ readonly lane: Lane; readonly until: number }> = agenda(
    ({ lane, until }) => lane.parkedUntil === until,
    () => all.size,
  );

  function laneOf(name: string): Lane {
    const known = all.get(name) ?? { name, queues: new Map(), entries: 0, leased: 0, parkedUntil: undefined, isAsleep: false };
    all.set(name, known);
    return known;
  }

  function enqueue(lane: Lane, priority: number, queue: Queue): void {
    if (queue.inRing) return;
    queue.inRing = true;
    rings.get(priority)?.add(lane);
  }

  function enqueueAll(lane: Lane): void {
    for (const [priority, queue] of lane.queues) if (lengthOf(queue) > 0) enqueue(lane, priority, queue);
  }

  function takeAt(priority: number, request: ClaimRequest, limit: number, each: (kept: Kept) => void): number {
    const ring = rings.get(priority) ?? line();
    const full: Lane[] = [];
    let taken = 0;
    while (taken < limit) {
      const lane = ring.take();
      if (lane === undefined) break;
      const queue = lane.queues.get(priority);
      if (queue === undefined) continue;
      queue.inRing = false;
      if (lane.parkedUntil !== undefined && lane.parkedUntil > request.now) continue;
      if (!isOpen(lane, request)) {
        full.push(lane);
        continue;
      }
      const kept = nextOf(queue);
      if (kept === undefined) continue;
      each(kept);
      taken += 1;
      if (lengthOf(queue) > 0) enqueue(lane, priority, queue);
    }
    for (const lane of full) {
      const queue = lane.queues.get(priority);
      if (queue !== undefined) enqueue(lane, priority, queue);
    }
    return taken;
  }

  /** A lane that nobody needs is forgotten. */
  function drop(lane: Lane): void {
    if (lane.entries === 0 && !lane.isAsleep) all.delete(lane.name);
  }

  return {
    enter(name) {
      laneOf(name).entries += 1;
    },
    leave(name) {
      const lane = laneOf(name);
      lane.entries -= 1;
      drop(lane);
    },
    put(ticket) {
      const { lane: name, attempts } = ticket.kept.entry;
      const level = levelOf(ticket.kept.entry);
      const lane = laneOf(name);
      const queue = lane.queues.get(level) ?? { fresh: line(), tried: line(), triedNext: false, inRing: false };
      lane.queues.set(level, queue);
      (attempts === 0 ? queue.fresh : queue.tried).add(ticket);
      enqueue(lane, level, queue);
    },
    takeSuspect: (request, each) => void takeAt(SUSPECTS, request, 1, each),
    take(request, limit, lowest, each) {
      let left = limit;
      for (const priority of PRIORITIES) if (left > 0 && priority >= lowest) left -= takeAt(priority, request, left, each);
    },
    lease: (name) => void (laneOf(name).leased += 1),
    unlease: (name) => void (laneOf(name).leased -= 1),
    hasRoom(name, request) {
      const lane = laneOf(name);
      return lane.leased < limitOf(lane, request);
    },
    park(name, until) {
      const lane = laneOf(name);
      lane.parkedUntil = until;
      lane.isAsleep = until !== undefined;
      if (until === undefined) {
        enqueueAll(lane);
        drop(lane);
      } else parked.add(until, { lane, until });
    },
    parkedUntil: (name) => all.get(name)?.parkedUntil,
    wake(now) {
      for (let woken = parked.take(now); woken !== undefined; woken = parked.take(now)) {
        woken.lane.isAsleep = false;
        enqueueAll(woken.lane);
        drop(woken.lane);
      }
    },
    hasDue(now) {
      for (const { parkedUntil, queues } of all.values()) {
        if (parkedUntil !== undefined && parkedUntil > now) continue;
        for (const queue of queues.values()) if (lengthOf(queue) > 0) return true;
      }
      return false;
    },
    nextWake: () => parked.first()?.at,
    shift(by) {
      for (const lane of all.values()) {
        if (lane.parkedUntil === undefined) continue;
        lane.parkedUntil += by;
        parked.add(lane.parkedUntil, { lane, until: lane.parkedUntil });
      }
    },
  };
}

function lengthOf({ fresh, tried }: Queue): number {
  return fresh.length + tried.length;
}

function limitOf({ name }: Lane, { perLane, lanes: others }: ClaimRequest): number {
  return others?.get(name) ?? perLane;
}

/** A lane that was parked is tried with one entry at a time. */
function isOpen(lane: Lane, request: ClaimRequest): boolean {
  const limit = limitOf(lane, request);
  return lane.leased < (lane.parkedUntil === undefined ? limit : Math.min(1, limit));
}

/** In turns between what is new and what was tried. */
function nextOf(queue: Queue): Kept | undefined {
  while (lengthOf(queue) > 0) {
    const takesTried = queue.tried.length > 0 && (queue.triedNext || queue.fresh.length === 0);
    const ticket = (takesTried ? queue.tried : queue.fresh).take();
    if (ticket === undefined || !isValid(ticket)) continue;
    queue.triedNext = !takesTried;
    return ticket.kept;
  }
  return undefined;
}
