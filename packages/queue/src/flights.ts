import type { Receipt } from "@postroad/core";
import { Refusal } from "@postroad/core";
import type { Policy } from "./drain-options.ts";
import type { TroubleEvent } from "./events.ts";
import type { Lease, Store } from "./store.ts";

/** A lease of this worker, and the delivery in its name. */
export interface Flight {
  /** Another one where the store took the first for lost, and gave the entry to this worker again. */
  lease: Lease;
  /** Another one once the deadline ended the delivery: for the report that may follow. */
  controller: AbortController;
  /** When its lease was asked for, or asked to be longer: it holds for `ttl` from then on. */
  keptAt: number;
  /** Somebody else may have the entry by now. */
  isLost: boolean;
  /** What it came to is being written down: whoever gets the entry now has another attempt before them. */
  isWriting: boolean;
  /** Its delivery took longer than the deadline. */
  isOverdue: boolean;
  /** When its delivery began. */
  startedAt: number | undefined;
  /** Ends the wait for a delivery that does not settle. */
  abandon: (() => void) | undefined;
}

export interface Flights {
  readonly size: number;
  /** `claimedAt`: the time that the claim named. */
  begin(lease: Lease, claimedAt: number): Flight;
  /**
   * The entry is under way here already: the store, to which the lease had run out, gave it to this worker again. What is
   * under way goes on under the new lease, instead of a second delivery beside it. False where it is to be begun.
   */
  adopt(lease: Lease, claimedAt: number): boolean;
  /** Waits for a delivery as long as its deadline and grace last; undefined where it does not settle by then. */
  watch(flight: Flight, delivery: Promise<Receipt>): Promise<Receipt | undefined>;
  end(flight: Flight): void;
  /**
   * Renews the leases now where that was due. To be waited for before a claim: however late a timer was, on a machine or
   * a disk that stood still, a worker then never gets an entry again that it is delivering already.
   */
  readonly refresh: () => Promise<void>;
  /** Aborts every delivery. */
  abort(reason: Refusal): void;
  /** Does not wait any longer for what has been aborted. */
  abandon(): void;
  stop(): void;
}

/** Keeps the leases of what is under way, and its deadlines, with one timer for all. */
export function flights(store: Store, policy: Policy, emit: (event: TroubleEvent) => void): Flights {
  const { clock, ttl, deadline, grace } = policy;
  const interval = Math.max(1, Math.floor(Math.min(ttl / 3, deadline / 2, grace)));
  const all = new Set<Flight>();
  const byKey = new Map<string, Flight>();
  let isAborted = false;
  let renewing: Promise<void> | undefined;
  let callOff: (() => void) | undefined;

  function tick(): void {
    callOff = all.size === 0 ? undefined : clock.after(interval, tick);
    const now = clock.now();
    for (const flight of all) checkDeadline(flight, now);
    void renewDue(now, ttl / 3 - interval / 2);
  }

  /** All leases, where one was not renewed for so long. */
  async function renewDue(now: number, age: number): Promise<void> {
    const flying = [...all].filter(({ isLost }) => !isLost);
    if (renewing === undefined && flying.some(({ keptAt }) => now - keptAt >= age || keptAt > now)) {
      renewing = renew(flying, now).finally(() => (renewing = undefined));
    }
    await renewing;
  }

  function checkDeadline(flight: Flight, now: number): void {
    // A clock that was put back: from here on it counts.
    if (flight.startedAt !== undefined && flight.startedAt > now) flight.startedAt = now;
    const { startedAt, controller, abandon } = flight;
    if (startedAt === undefined || now - startedAt < deadline) return;
    flight.isOverdue = true;
    controller.abort(new Refusal("4.4.2", `not delivered within ${deadline} ms`));
    if (now - startedAt >= deadline + grace) abandon?.();
  }

  async function renew(flying: readonly Flight[], now: number): Promise<void> {
    const before = flying.map(({ lease, keptAt }) => ({ lease, until: keptAt + ttl }));
    for (const flight of flying) flight.keptAt = now;
    try {
      const kept = await store.renew(before.map(({ lease }) => lease), now + ttl);
      const lost = flying.flatMap((flight, index) => {
        const isLost = kept[index] === false && all.has(flight) && flight.lease === before[index]?.lease;
        return isLost ? [{ flight, until: before[index]?.until ?? now }] : [];
      });
      for (const { flight } of lost) lose(flight);
      const early = lost.find(({ flight, until }) => !flight.isWriting && until > clock.now());
      if (early !== undefined) tellOfClocks(early.flight);
    } catch (error) {
      emit({ kind: "trouble", at: clock.now(), during: "renew", error });
    }
  }

  /** Only who takes it to be later than it is here ends a lease before its time. */
  function tellOfClocks({ lease: { entry } }: Flight): void {
    const message = "a lease was lost before its time: the clock of another worker, or of who manages the store, is ahead of this one's";
    const advice = "Set the clocks by NTP, and start the workers anew: each keeps the time that it started with. Until then mail is delivered twice.";
    emit({ kind: "trouble", at: clock.now(), during: "renew", key: entry.key, error: new Refusal("4.3.5", message, { advice }) });
  }

  return {
    get size() {
      return all.size;
    },
    begin(lease, claimedAt) {
      const flight = { lease, controller: new AbortController(), keptAt: claimedAt, isLost: false, isWriting: false, isOverdue: false, startedAt: undefined, abandon: undefined };
      all.add(flight);
      byKey.set(lease.entry.key, flight);
      callOff ??= clock.after(interval, tick);
      return flight;
    },
    watch(flight, delivery) {
      flight.startedAt = clock.now();
      return new Promise<Receipt | undefined>((resolve) => {
        flight.abandon = () => resolve(undefined);
        delivery.then(resolve, () => resolve(undefined));
      }).finally(() => {
        flight.startedAt = undefined;
        if (flight.isOverdue && !flight.isLost && !isAborted) flight.controller = new AbortController();
      });
    },
    adopt(lease, claimedAt) {
      const flight = byKey.get(lease.entry.key);
      if (flight === undefined || flight.isLost || flight.isWriting) return false;
      flight.lease = lease;
      flight.keptAt = claimedAt;
      return true;
    },
    end(flight) {
      all.delete(flight);
      const { key } = flight.lease.entry;
      if (byKey.get(key) === flight) byKey.delete(key);
    },
    refresh: () => renewDue(clock.now(), ttl / 3),
    abort(reason) {
      isAborted = true;
      for (const { controller } of all) controller.abort(reason);
    },
    abandon() {
      for (const { controller, abandon } of all) if (controller.signal.aborted) abandon?.();
    },
    stop: () => callOff?.(),
  };
}

/** Its delivery is of no use any more: somebody else will deliver the entry. */
function lose(flight: Flight): void {
  flight.isLost = true;
  flight.controller.abort(new Refusal("4.3.2", "the lease was lost"));
}
