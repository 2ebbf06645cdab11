import { alarm } from "./alarm.ts";
import type { Policy } from "./drain-options.ts";
import type { DeadEvent, TroubleEvent } from "./events.ts";
import { isolation } from "./isolation.ts";
import type { LaneMemory } from "./lane-memory.ts";
import type { Settler } from "./settler.ts";
import { troubleWait } from "./settler.ts";
import type { ClaimRequest, Damaged, Lease, Store } from "./store.ts";

/** Claims what there is to do as places become free. */
export interface Feed {
  /** Something may have changed. */
  wake(): void;
  /** A delivery has ended, and its place is free. */
  ended(): void;
  /** Claims no more, and hands back what was claimed and not begun. */
  stop(): Promise<void>;
}

export interface FeedRequest {
  readonly store: Store;
  readonly policy: Policy;
  readonly lanes: LaneMemory;
  readonly settler: Settler;
  readonly emit: (event: TroubleEvent | DeadEvent) => void;
  /** Places that are free now. */
  readonly free: () => number;
  /** `at`: the time that the claim named. Waits for `start` where it is given; false hands the entry back. */
  readonly begin: (lease: Lease, at: number, start?: Promise<boolean>) => Promise<void>;
  /** Keeps the leases of what is under way. */
  readonly refresh: () => Promise<void>;
}

/** Milliseconds. */
const LINGER = 1;
/** Where something is under way, here or, where a lane is full, elsewhere. */
const SHORTLY = 1000;
/** A store takes longer gaps between claims, from an hour on, for time in which nobody was there. */
const LONGEST_GAP = 1_800_000;

export function feed(request: FeedRequest): Feed {
  const { store, policy, settler, emit, free, begin, refresh } = request;
  const { clock, concurrency } = policy;
  const bell = alarm(clock);
  let isStopped = false;
  let failures = 0;
  let ended = 0;
  /** Since the last claim the store has rung, and not for a delivery of ours that has to be tried again. */
  let isWoken = false;
  let claimedAt = clock.now();
  const poll = Math.min(policy.poll, LONGEST_GAP);
  const inFlight = (): number => concurrency - free();
  const alone = isolation({ policy, bell, isStopped: () => isStopped, inFlight, begin });
  const unwatch = store.watch(() => {
    isWoken ||= !settler.isPostponing;
    bell.ring();
  });
  const running = run();

  async function run(): Promise<void> {
    while (!isStopped) {
      try {
        await turn();
      } catch (error) {
        // Whatever a store gives that is no answer, the next may be one.
        emit({ kind: "trouble", at: clock.now(), during: "claim", error });
        await bell.pause(SHORTLY);
      }
    }
  }

  async function turn(): Promise<void> {
    await room();
    if (isStopped) return;
    bell.reset();
    isWoken = false;
    ended = 0;
    // The last places are kept for what is urgent.
    const places = free();
    const limit = Math.max(0, places - policy.reserve);
    await refresh();
    const now = clock.now();
    const leases = await claim({ limit, urgent: places - limit }, now);
    if (leases === undefined) await bell.pause(troubleWait(failures, policy));
    else if (isStopped) await handBack(leases);
    else if (alone.isFor(leases)) for (const lease of leases) await alone.run(lease, now);
    else {
      for (const lease of leases) void begin(lease, now);
      if (leases.length < limit) await nothingMore(leases.length);
      else if (free() > 0) await bell.wait(SHORTLY);
    }
  }

  /**
   * Until there is a place, and nothing that cannot be written down; the store hears of us meanwhile. Where deliveries are under way, also until a
   * quarter of them have ended or a moment has passed, so that one claim fills several places.
   */
  async function room(): Promise<void> {
    while (!isStopped && (free() <= 0 || settler.isStuck)) {
      bell.reset();
      await bell.wait(poll);
      if (!isStopped && clock.now() - claimedAt >= LONGEST_GAP) await claim({ limit: 0 }, clock.now());
    }
    const wanted = Math.ceil(inFlight() / 4);
    await bell.linger(LINGER, () => isStopped || ended >= wanted);
  }

  async function claim(wanted: Pick<ClaimRequest, "limit" | "urgent">, now: number): Promise<readonly Lease[] | undefined> {
    claimedAt = now;
    try {
      const leases = await store.claim({ ...claimOf(now, request), ...wanted, suspects: alone.isWanted(), onDamaged });
      failures = 0;
      return leases;
    } catch (error) {
      failures += 1;
      emit({ kind: "trouble", at: clock.now(), during: "claim", error });
      return undefined;
    }
  }

  function onDamaged(entry: Damaged): void {
    emit({ kind: "dead", at: clock.now(), reason: "damaged", recipients: [], meta: {}, ...entry });
  }

  /** Asks when there will be, unless what was claimed just now rings when it is done. */
  async function nothingMore(claimed: number): Promise<void> {
    if (claimed > 0 || bell.isRung) {
      await bell.wait(SHORTLY);
      // There were places to spare: one more brings nothing, unless what ended has its next attempt, or left its lane's place.
      while (bell.isRung && !isWoken && !isStopped && free() > 0 && !settler.isStuck) {
        bell.reset();
        const wait = await untilDue();
        if (wait <= 0) return;
        await bell.wait(wait);
      }
      return;
    }
    if (alone.insteadOfNothing()) return;
    const wait = await untilDue();
    await bell.wait(wait > 0 ? wait : SHORTLY);
  }

  /** Milliseconds until there may be something to claim, `poll` at most. */
  async function untilDue(): Promise<number> {
    try {
      const due = await store.nextDue();
      return due === undefined ? poll : Math.min(poll, due - clock.now());
    } catch (error) {
      emit({ kind: "trouble", at: clock.now(), during: "claim", error });
      return poll;
    }
  }

  async function handBack(leases: readonly Lease[]): Promise<void> {
    await Promise.all(leases.map((lease) => settler.settle(lease, lease.entry)));
  }

  return {
    wake: bell.ring,
    ended() {
      ended += 1;
      bell.ring();
    },
    stop() {
      isStopped = true;
      unwatch();
      bell.end();
      return running;
    },
  };
}

function claimOf(now: number, { policy, lanes }: FeedRequest): Omit<ClaimRequest, "limit"> {
  const { maxAge, ttl, window, bounce, delayAfter } = policy;
  const limits = lanes.limits();
  return {
    now,
    perLane: window.initial,
    ttl,
    aged: now - maxAge,
    ...(limits !== undefined && { lanes: limits }),
    ...(typeof bounce === "object" && delayAfter !== false && { late: now - delayAfter }),
  };
}
