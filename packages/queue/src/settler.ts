import { Refusal } from "@postroad/core";
import { aboutOf } from "./desk.ts";
import type { Policy } from "./drain-options.ts";
import type { DeadEvent, TroubleEvent } from "./events.ts";
import { noteOf } from "./note.ts";
import type { Entry, Lease, Store } from "./store.ts";

/** Writes down what deliveries came to, however long that takes. */
export interface Settler {
  /** Something is delivered and cannot be written down: until it is, nothing else may be delivered. */
  readonly isStuck: boolean;
  /**
   * True where it is written, false where the lease was lost, undefined where the worker stopped before it could be. What the
   * store refuses again and again, while it takes everything else, becomes a dead letter as it was, or is let go: false too.
   */
  settle(lease: Lease, next: Entry | null): Promise<boolean | undefined>;
  /** Ends all attempts. */
  readonly giveUp: () => void;
}

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 60_000;
/** So often the store refuses to write what an entry has become, and lengthens its lease, before it is not asked again. */
const REFUSALS = 3;

export function settler(store: Store, policy: Policy, emit: (event: TroubleEvent | DeadEvent) => void, onFree: () => void): Settler {
  const waiting = new Set<() => void>();
  let stuck = 0;
  let isGivenUp = false;

  async function insist(lease: Lease, next: Entry | null, error: unknown): Promise<boolean | undefined> {
    stuck += 1;
    try {
      let cause = error;
      let refusals = 0;
      for (let failures = 1; ; failures += 1) {
        emit({ kind: "trouble", at: policy.clock.now(), during: "settle", key: lease.entry.key, error: cause });
        await pause(troubleWait(failures, policy));
        if (isGivenUp) return undefined;
        refusals = next !== null && (await isRefusal(lease, cause)) ? refusals + 1 : 0;
        if (refusals >= REFUSALS && (await giveUpOn(lease, cause))) return false;
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

  /** Is it this result that the store does not take, and not the store that is out of reach, or full? */
  async function isRefusal(lease: Lease, cause: unknown): Promise<boolean> {
    if (cause instanceof Refusal && cause.status === "4.3.1") return false;
    try {
      return (await store.renew([lease], policy.clock.now() + policy.ttl))[0] === true;
    } catch {
      return false;
    }
  }

  /**
   * Keeps the entry as it was claimed, which the store has written once, for a person. Where even that is refused, its lease is
   * left to run out: the others do not wait for it. False where the store is full.
   */
  async function giveUpOn({ entry, token }: Lease, cause: unknown): Promise<boolean> {
    const note = noteOf(`what became of it cannot be written down: ${cause instanceof Error ? cause.message : "not an Error"}`);
    try {
      if (!(await store.settle({ entry, token }, { ...entry, state: "dead", note }))) return true;
    } catch (error) {
      emit({ kind: "trouble", at: policy.clock.now(), during: "settle", key: entry.key, error });
      return !(error instanceof Refusal && error.status === "4.3.1");
    }
    const recipients = entry.envelope.to.map(({ address }) => address);
    emit({ kind: "dead", at: policy.clock.now(), ...aboutOf(entry), reason: "unwritable", note, recipients });
    return true;
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
