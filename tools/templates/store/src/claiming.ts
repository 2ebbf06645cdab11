import type { ClaimRequest, Entry, Lease } from "@postroad/queue";
import type { Kept, State } from "./state.ts";
import { finish } from "./state.ts";

const BACK = 60_000;
const ABSENT = 3_600_000;
/** Leases that ran out before an entry may be what its workers died of. */
const SUSPECT = 2;

export function claim(state: State, request: ClaimRequest): readonly Lease[] {
  const { now, limit } = request;
  follow(state, now);
  for (const [key, until] of state.finished) if (until <= now) state.finished.delete(key);
  for (const parked of state.parked.values()) parked.isProbing ||= parked.until <= now;
  for (const kept of state.entries.values()) wakeUp(state, kept, now);
  const suspect = request.suspects === true && limit > 0 ? giveAmong(state, { ...request, limit: 1 }, true) : [];
  return suspect.length > 0 ? suspect : giveAmong(state, request, false);
}

/** Suspects and others apart: a suspect is given to who asks for one, and alone. */
function giveAmong(state: State, request: ClaimRequest, suspects: boolean): readonly Lease[] {
  const { now, limit, aged, late = -Infinity, urgent = 0 } = request;
  const given: Lease[] = [];
  const leased = leasedByLane(state);
  const take = (kept: Kept): void => {
    given.push(give(state, request, kept));
    leased.set(kept.entry.lane, (leased.get(kept.entry.lane) ?? 0) + 1);
  };
  const open = (): Kept[] => [...state.entries.values()].filter(
    ({ entry, lease }) => entry.state === "ready" && !lease && entry.lapses >= SUSPECT === suspects,
  );
  const somebodyLeft = open().filter(({ entry }) => entry.envelope.to.length > 0);
  for (const kept of somebodyLeft) {
    const { expiresAt = Number.POSITIVE_INFINITY, agesFrom, delayed } = kept.entry;
    const isLate = !suspects && delayed !== true && agesFrom <= late;
    const isOver = agesFrom <= (aged ?? -Infinity) || isLate;
    if (given.length >= limit) break;
    if (expiresAt <= now || (isOver && limitOf(state, request, kept, false) > (leased.get(kept.entry.lane) ?? 0))) take(kept);
  }
  const most = suspects ? limit : limit + urgent;
  while (given.length < most) {
    const next = open()
      .filter(({ entry }) => given.length < limit || entry.priority > 0)
      .filter((kept) => kept.isDue && limitOf(state, request, kept, true) > (leased.get(kept.entry.lane) ?? 0))
      .reduce<Kept | undefined>((best, kept) => (best && !goesBefore(state, kept, best) ? best : kept), undefined);
    if (next === undefined) break;
    takeTurn(state, next);
    take(next);
  }
  return given;
}

/** What the claim's time says of the clock. */
function follow(state: State, now: number): void {
  const before = state.last ?? now;
  const gap = now - before;
  state.last = now;
  const isBack = gap < -BACK;
  if (!isBack && gap <= ABSENT) return;
  for (const kept of state.entries.values()) {
    const { agesFrom, dueAt, attempts } = kept.entry;
    kept.entry = { ...kept.entry, agesFrom: agesFrom + gap, dueAt: isBack && attempts > 0 ? dueAt + gap : dueAt };
    // A lease that ends before the last claim was renewed after the clock went back.
    if (isBack && kept.lease !== undefined && kept.lease.until > before) kept.lease.until += gap;
  }
  if (isBack) for (const parked of state.parked.values()) parked.until += gap;
}

/** What is added while the clock has jumped is moved with the others when a claim tells of it. */
export function aligned({ last }: State, entry: Entry): Entry {
  const skew = entry.createdAt - (last ?? entry.createdAt);
  return skew < -BACK || skew > ABSENT ? { ...entry, agesFrom: entry.agesFrom - skew } : entry;
}

/** Takes back a lease that has run out, and sees whether the entry is due. */
function wakeUp(state: State, kept: Kept, now: number): void {
  if (kept.lease !== undefined && kept.lease.until <= now) {
    kept.lease = undefined;
    kept.entry = { ...kept.entry, lapses: kept.entry.lapses + 1 };
    if (kept.isSuperseded) finish(state, kept);
  }
  kept.isDue ||= kept.entry.dueAt <= now;
}

function leasedByLane({ entries }: State): Map<string, number> {
  const leased = new Map<string, number>();
  for (const { entry, lease } of entries.values()) {
    if (lease !== undefined) leased.set(entry.lane, (leased.get(entry.lane) ?? 0) + 1);
  }
  return leased;
}

/** How many leases the lane may have; `minds` its parking. */
function limitOf(state: State, { perLane, lanes }: ClaimRequest, { entry: { lane } }: Kept, minds: boolean): number {
  const parked = minds ? state.parked.get(lane) : undefined;
  if (parked !== undefined && !parked.isProbing) return 0;
  const limit = lanes?.get(lane) ?? perLane;
  return parked === undefined ? limit : Math.min(1, limit);
}

function give(state: State, { now, ttl }: ClaimRequest, kept: Kept): Lease {
  state.count += 1;
  kept.lease = { token: String(state.count), until: now + ttl };
  // One entry at a time of a lane whose parking is over shows whether the destination works again.
  const isProbe = state.parked.get(kept.entry.lane)?.isProbing === true;
  return { entry: kept.entry, token: kept.lease.token, ...(isProbe && { probe: true }) };
}

function turnOf(state: State, { entry: { priority, lane } }: Kept): { at: number; triedNext: boolean } {
  const key = `${priority} ${lane}`;
  const turn = state.turns.get(key) ?? { at: 0, triedNext: false };
  state.turns.set(key, turn);
  return turn;
}

/** By priority, then in turns between lanes, then in turns between what is new and what was tried. */
function goesBefore(state: State, kept: Kept, best: Kept): boolean {
  if (kept.entry.priority !== best.entry.priority) return kept.entry.priority > best.entry.priority;
  const turn = turnOf(state, kept);
  if (kept.entry.lane !== best.entry.lane) return turn.at < turnOf(state, best).at;
  const isTried = kept.entry.attempts > 0;
  return isTried !== best.entry.attempts > 0 && isTried === turn.triedNext;
}

function takeTurn(state: State, kept: Kept): void {
  const turn = turnOf(state, kept);
  state.count += 1;
  turn.at = state.count;
  turn.triedNext = kept.entry.attempts === 0;
}
