import type { Policy } from "./drain-options.ts";
import type { TroubleEvent } from "./events.ts";
import type { Entry, Lease, Store } from "./store.ts";

/** Writes down what deliveries came to, however long that takes. */
export interface Settler {
  /** Something is delivered and cannot be written down: until it is, nothing else may be delivered. */
  readonly isStuck: boolean;
  /** True where it is written, false where the lease was lost, undefined where the worker stopped before it could be. */
  settle(lease: Lease, next: Entry | null): Promise<boolean | undefined>;
  /** Ends all attempts. */
  readonly giveUp: () => void;
}

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 60_000;

export function settler(store: Store, policy: Policy, emit: (event: TroubleEvent) => void, onFree: () => void): Settler {
  const waiting = new Set<() => void>();
  let stuck = 0;
  let isGivenUp = false;

  async function insist(lease: Lease, next: Entry | null, error: unknown): Promise<boolean | undefined> {
    stuck += 1;
    try {
      let cause = error;
      for (let failures = 1; ; failures += 1) {
        emit({ kind: "trouble", at: policy.clock.now(), during: "settle", key: lease.entry.key, error: cause });
        await pause(troubleWait(failures, policy));
        if (isGivenUp) return undefined;
        try {
          return await store.settle(lease, next);
        } catch (again) {
          cause = again;
        }
      }
    } finally {
      stuck -= 1;
      if (stuck === 0) onFree();
    }
  }

  function pause(milliseconds: number): Promise<void> {
    if (isGivenUp) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        waiting.delete(go);
        callOff();
        resolve();
      };
      const callOff = policy.clock.after(milliseconds, go);
      waiting.add(go);
    });
  }

  return {
    get isStuck() {
      return stuck > 0;
    },
    async settle(lease, next) {
      try {
        return await store.settle(lease, next);
      } catch (error) {
        return insist(lease, next, error);
      }
    },
    giveUp() {
      isGivenUp = true;
      for (const go of waiting) go();
    },
  };
}

/** From a second to a minute, less up to half by chance: workers of a store that comes back do not all come at once. */
export function troubleWait(failures: number, { random }: Policy): number {
  const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures - 1, 10));
  const chance = random();
  return longest * (1 - (chance >= 0 && chance <= 1 ? chance : 0) / 2);
}
