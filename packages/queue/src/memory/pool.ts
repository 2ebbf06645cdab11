import type { ClaimRequest, Entry, Lease, Selection } from "../store.ts";
import type { Agenda } from "./agenda.ts";
import { agenda } from "./agenda.ts";
import type { Blob, Kept, Ticket } from "./kept.ts";
import { isSuspect, isValid } from "./kept.ts";
import type { Lanes } from "./lanes.ts";
import { lanes } from "./lanes.ts";
import type { Memory } from "./keys.ts";

/** The entries and where each of them waits. Everything happens at once, so that everything is whole. */
export interface Pool {
  readonly entries: ReadonlyMap<string, Kept>;
  readonly lanes: Lanes;
  add(entry: Entry, blob: Blob): void;
  /** Entries of the series that another mail brought give way. Gives their keys. */
  supersede(series: string, mail: string): readonly string[];
  claim(request: ClaimRequest): readonly Lease[];
  holder({ entry, token }: Lease): Kept | undefined;
  renew(kept: Kept, until: number): void;
  /** Another state of an entry; null ends it. */
  put(kept: Kept, next: Entry | null): void;
  matching(selection: Selection): readonly Kept[];
  nextDue(): number | undefined;
}

const STEP_BACK = 60_000;
const NOBODY_THERE = 3_600_000;
const LOWEST = -9;

export function pool(finished: Memory, onBlob: (blob: Blob, users: number) => void): Pool {
  const entries = new Map<string, Kept>();
  const series = new Map<string, Set<Kept>>();
  const inLanes = lanes();
  const places = (): Agenda<Ticket> => agenda(isValid, () => entries.size);
  const [waiting, leases, notDelayed] = [places(), places(), places()];
  const [byAge, byExpiry] = [places(), places()];
  const suspects = { byAge: places(), byExpiry: places() };
  let last: number | undefined;
  let tokens = 0;

  /** Puts an entry where it belongs; void whatever refers to its place before. */
  function settleIn(kept: Kept, isDue = false): void {
    kept.place += 1;
    const ticket = { kept, place: kept.place };
    const { state, dueAt, agesFrom, expiresAt, delayed, envelope } = kept.entry;
    if (kept.isGone || state !== "ready") return;
    if (kept.lease !== undefined) {
      leases.add(kept.lease.until, ticket);
      return;
    }
    if (envelope.to.length > 0) {
      const among = isSuspect(kept.entry) ? suspects : { byAge, byExpiry };
      among.byAge.add(agesFrom, ticket);
      if (delayed !== true && !isSuspect(kept.entry)) notDelayed.add(agesFrom, ticket);
      if (expiresAt !== undefined) among.byExpiry.add(expiresAt, ticket);
    }
    if (isDue || dueAt <= (last ?? 0)) inLanes.put(ticket);
    else waiting.add(dueAt, ticket);
  }

  function end(kept: Kept): void {
    if (kept.isGone) return;
    kept.isGone = true;
    const { key, lane, series: name, createdAt } = kept.entry;
    entries.delete(key);
    finished.add(key, createdAt);
    inLanes.leave(lane);
    const others = name === undefined ? undefined : series.get(name);
    others?.delete(kept);
    if (name !== undefined && others?.size === 0) series.delete(name);
    onBlob(kept.blob, -1);
    settleIn(kept);
  }

  function unlease(kept: Kept): void {
    if (kept.lease === undefined) return;
    kept.lease = undefined;
    inLanes.unlease(kept.entry.lane);
  }

  function lapse(kept: Kept): void {
    const wasDue = kept.lease?.wasDue;
    unlease(kept);
    kept.entry = { ...kept.entry, lapses: kept.entry.lapses + 1 };
    if (kept.isSuperseded) end(kept);
    else settleIn(kept, wasDue);
  }

  /** What `now` says of the time since the last claim; see the contract. */
  function follow(now: number): void {
    const before = last ?? now;
    const gap = now - before;
    last = now;
    const isBack = gap < -STEP_BACK;
    if (!isBack && gap <= NOBODY_THERE) return;
    // A lease that ends before the last claim was renewed after the clock went back: it is right as it is.
    if (isBack) leases.shift(gap, ({ kept }) => (kept.lease?.until ?? 0) > before);
    for (const kept of entries.values()) {
      const { agesFrom, dueAt, attempts } = kept.entry;
      const isTried = isBack && attempts > 0;
      kept.entry = { ...kept.entry, agesFrom: agesFrom + gap, ...(isTried && { dueAt: dueAt + gap }) };
      if (isBack && kept.lease !== undefined && kept.lease.until > before) kept.lease.until += gap;
    }
    byAge.shift(gap);
    suspects.byAge.shift(gap);
    notDelayed.shift(gap);
    if (!isBack) return;
    waiting.shift(gap, ({ kept }) => kept.entry.attempts > 0);
    inLanes.shift(gap);
  }

  return {
    entries,
    lanes: inLanes,
    add(added, blob) {
      const entry = aligned(added, last);
      const kept: Kept = { entry, blob, place: 0, lease: undefined, isSuperseded: false, isGone: false };
      entries.set(entry.key, kept);
      inLanes.enter(entry.lane);
      onBlob(blob, 1);
      if (entry.series !== undefined) {
        const others = series.get(entry.series) ?? new Set();
        series.set(entry.series, others.add(kept));
      }
      settleIn(kept);
    },
    supersede(name, mail) {
      const older = [...(series.get(name) ?? [])].filter(({ entry }) => entry.mail !== mail);
      for (const kept of older) {
        kept.isSuperseded = true;
        if (kept.lease === undefined) end(kept);
      }
      return older.map(({ entry }) => entry.key);
    },
    claim(request) {
      const { now, limit, ttl, aged, late } = request;
      follow(now);
      finished.forget(now);
      for (let lost = leases.take(now); lost !== undefined; lost = leases.take(now)) lapse(lost.kept);
      for (let due = waiting.take(now); due !== undefined; due = waiting.take(now)) inLanes.put(due);
      inLanes.wake(now);
      const given: Lease[] = [];
      const give = (kept: Kept, wasDue = false): void => {
        tokens += 1;
        kept.lease = { token: String(tokens), wasDue, until: now + ttl };
        inLanes.lease(kept.entry.lane);
        settleIn(kept);
        const isProbe = (inLanes.parkedUntil(kept.entry.lane) ?? now + 1) <= now;
        given.push({ entry: kept.entry, token: kept.lease.token, ...(isProbe && { probe: true }) });
      };
      const hasRoom = (lane: string): boolean => inLanes.hasRoom(lane, request);
      if (request.suspects === true && limit > 0) {
        takeOverdue(suspects.byExpiry, now, 1, () => true, give);
        if (given.length === 0 && aged !== undefined) takeOverdue(suspects.byAge, aged, 1, hasRoom, give);
        if (given.length === 0) inLanes.takeSuspect(request, (due) => give(due, true));
        if (given.length > 0) return given;
      }
      takeOverdue(byExpiry, now, limit, () => true, give);
      if (aged !== undefined) takeOverdue(byAge, aged, limit - given.length, hasRoom, give);
      if (late !== undefined) takeOverdue(notDelayed, late, limit - given.length, hasRoom, give);
      inLanes.take(request, limit - given.length, LOWEST, (due) => give(due, true));
      inLanes.take(request, request.urgent ?? 0, 1, (due) => give(due, true));
      return given;
    },
    holder({ entry, token }) {
      const kept = entries.get(entry.key);
      return kept?.lease?.token === token ? kept : undefined;
    },
    renew(kept, until) {
      if (kept.lease !== undefined) kept.lease.until = until;
      settleIn(kept);
    },
    put(kept, next) {
      const wasDue = kept.lease?.wasDue === true && next !== null && next.dueAt <= kept.entry.dueAt;
      unlease(kept);
      if (next === null || kept.isSuperseded) end(kept);
      else {
        kept.entry = next;
        settleIn(kept, wasDue);
      }
    },
    matching({ key, mail, lane, state }) {
      const one = key === undefined ? undefined : entries.get(key);
      const among = key === undefined ? [...entries.values()] : one === undefined ? [] : [one];
      return among.filter(
        ({ entry }) =>
          (mail === undefined || entry.mail === mail) &&
          (lane === undefined || entry.lane === lane) &&
          (state === undefined || entry.state === state),
      );
    },
    nextDue() {
      if (inLanes.hasDue(last ?? 0)) return last ?? 0;
      const expiry = [byExpiry.first()?.at, suspects.byExpiry.first()?.at];
      const times = [waiting.first()?.at, leases.first()?.at, ...expiry, inLanes.nextWake()];
      return times.reduce((first, time) => (time !== undefined && time < (first ?? time + 1) ? time : first), undefined);
    },
  };
}


/** What is added while the clock has jumped, as far as is known, is moved with the others when a claim tells of it. */
function aligned(entry: Entry, lastClaim: number = entry.createdAt): Entry {
  const skew = entry.createdAt - lastClaim;
  return skew < -STEP_BACK || skew > NOBODY_THERE ? { ...entry, agesFrom: entry.agesFrom - skew } : entry;
}

/** Takes from an agenda what its lane has room for; what it has none for stays, and is looked at within reason. */
function takeOverdue(
  from: Agenda<Ticket>,
  until: number,
  limit: number,
  hasRoom: (lane: string) => boolean,
  give: (kept: Kept) => void,
): void {
  const left: Ticket[] = [];
  let given = 0;
  while (given < limit && left.length < limit) {
    const ticket = from.take(until);
    if (ticket === undefined) break;
    if (hasRoom(ticket.kept.entry.lane)) {
      give(ticket.kept);
      given += 1;
    } else left.push(ticket);
  }
  for (const ticket of left) from.add(ticket.kept.entry.agesFrom, ticket);
}
