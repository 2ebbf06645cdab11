import type { Alarm } from "./alarm.ts";
import type { Policy } from "./drain-options.ts";
import type { Lease } from "./store.ts";

/** Gives the worker to one suspect at a time: should it die then, that takes along no other mail. */
export interface Isolation {
  /** May the next claim bring a suspect? */
  readonly isWanted: () => boolean;
  /** There is nothing else to do: true where the next claim may bring one, and the last might not. */
  readonly insteadOfNothing: () => boolean;
  /** Is it to be delivered alone? Not where nothing is delivered, since it has lapsed too often. */
  isFor(leases: readonly Lease[]): boolean;
  /** Begins it once nothing else is under way, and resolves when others may begin beside it. */
  run(lease: Lease, claimedAt: number): Promise<void>;
}

export interface IsolationRequest {
  readonly policy: Policy;
  readonly bell: Alarm;
  readonly isStopped: () => boolean;
  readonly inFlight: () => number;
  /** Registers it now, so that its lease is renewed, and begins once `start` is true; false hands it back. */
  readonly begin: (lease: Lease, claimedAt: number, start: Promise<boolean>) => Promise<void>;
}

const SUSPECT = 2;
/** What is under way and slow is not waited for longer than this, in milliseconds. */
const QUIET = 10_000;
/** Whoever did not kill its worker by then has others beside it, but no other suspect. */
const ALONE = 10_000;
/** The others have this many times as long as a suspect had. */
const SHARE = 4;

export function isolation({ policy, bell, isStopped, inFlight, begin }: IsolationRequest): Isolation {
  const { clock, lapses } = policy;
  let wantedFrom = Number.NEGATIVE_INFINITY;

  return {
    isWanted: () => clock.now() >= wantedFrom,
    insteadOfNothing() {
      if (clock.now() >= wantedFrom || inFlight() > 0) return false;
      wantedFrom = clock.now();
      return true;
    },
    isFor: ([first, ...others]) => others.length === 0 && first !== undefined && first.entry.lapses >= SUSPECT && first.entry.lapses < lapses,
    async run(lease, claimedAt) {
      const since = clock.now();
      const start = Promise.withResolvers<boolean>();
      let ended: number | undefined;
      const othersFirst = (): number => clock.now() + SHARE * (clock.now() - since);
      void begin(lease, claimedAt, start.promise).finally(() => {
        ended = clock.now();
        wantedFrom = Math.min(wantedFrom, othersFirst());
        bell.ring();
      });
      await bell.waitFor(QUIET, () => inFlight() <= 1);
      start.resolve(!isStopped());
      // Two at a time would share the blame, however slow the first is: its deadline ends it.
      if (ended === undefined) wantedFrom = Number.POSITIVE_INFINITY;
      await bell.waitFor(ALONE, () => ended !== undefined);
    },
  };
}
