import { Refusal, mailboxKey } from "@postroad/core";
import { aboutOf } from "./desk.ts";
import type { Policy } from "./drain-options.ts";
import type { DeadEvent, TroubleEvent } from "./events.ts";
import { noteOf } from "./note.ts";
import type { Entry, Lease, Store } from "./store.ts";

/** Writes down what deliveries came to, however long that takes. */
export interface Settler {
  /** Something is delivered and cannot be written down: until it is, nothing else may be delivered. */
  readonly isStuck: boolean;
  /** What is being handed to the store just now was tried, and is to be tried again: where the store rings for that, it is due later. */
  readonly isPostponing: boolean;
  /**
   * What is written: `next`, or a dead letter in its place where the store refuses it again and again, while it takes
   * everything else. Undefined where nothing is: the lease was lost, or the worker stopped, or even that was refused.
   */
  settle(lease: Lease, next: Entry | null): Promise<Entry | null | undefined>;
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
  let isPostponing = false;

  async function insist(lease: Lease, next: Entry | null, error: unknown): Promise<Entry | null | undefined> {
    stuck += 1;
    try {
      let cause = error;
      let refusals = 0;
      let isInDoubt = false;
      for (let failures = 1; ; failures += 1) {
        emit({ kind: "trouble", at: policy.clock.now(), during: "settle", key: lease.entry.key, error: cause });
        await pause(troubleWait(failures, policy));
        if (isGivenUp) return undefined;
        isInDoubt ||= mayBeWritten(cause);
        if (next !== null && (await isRefusal(lease, cause))) {
          refusals += 1;
          const instead = refusals < REFUSALS ? undefined : await giveUpOn(lease, next, cause);
          if (instead !== undefined) return instead.written;
        } else refusals = 0;
        try {
          const isWritten = (await store.settle(lease, next)) || (isInDoubt && (await isThere(store, lease, next)));
          return isWritten ? next : undefined;
        } catch (again) {
          cause = again;
        }
      }
    } finally {
      stuck -= 1;
      if (stuck === 0) onFree();
    }
  }

  function write(lease: Lease, next: Entry | null): Promise<boolean> {
    // Behind one who was only told of, or handed back, others may wait whom no due time tells of: they are late, or too old.
    isPostponing = next !== null && next.attempts > lease.entry.attempts;
    try {
      return store.settle(lease, next);
    } finally {
      isPostponing = false;
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
   * Keeps the entry as it was claimed, which the store has written once, for a person: with who is left of its recipients. Where even
   * that is refused, its lease is left to run out: the others do not wait for it. Undefined where the store is full.
   */
  async function giveUpOn(lease: Lease, next: Entry, cause: unknown): Promise<{ readonly written: Entry | null | undefined } | undefined> {
    const { entry, token } = lease;
    const note = noteOf(`what became of it cannot be written down: ${cause instanceof Error ? cause.message : "not an Error"}`);
    const dead = deadLetter(entry, next, note);
    try {
      if (!(await store.settle({ entry, token }, dead))) return { written: undefined };
    } catch (error) {
      emit({ kind: "trouble", at: policy.clock.now(), during: "settle", key: entry.key, error });
      return error instanceof Refusal && error.status === "4.3.1" ? undefined : { written: undefined };
    }
    const recipients = (dead?.envelope.to ?? []).map(({ address }) => address);
    if (dead !== null) emit({ kind: "dead", at: policy.clock.now(), ...aboutOf(entry), reason: "unwritable", note, recipients });
    return { written: dead };
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
    get isPostponing() {
      return isPostponing;
    },
    async settle(lease, next) {
      try {
        return (await write(lease, next)) ? next : undefined;
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

/** An error that does not say whether it was written. A store that throws anything else than a Refusal says nothing. */
function mayBeWritten(error: unknown): boolean {
  return !(error instanceof Refusal) || error.options.uncertain === true;
}

/** Did an attempt that ended with an error write it after all? Nobody else writes the same, and who is finished stays so. */
async function isThere(store: Store, { entry: { key } }: Lease, next: Entry | null): Promise<boolean> {
  const found = await store.get(key);
  if (next === null || found === undefined) return next === null && found === undefined;
  return found.attempts === next.attempts && found.dueAt === next.dueAt && found.state === next.state;
}

/** The entry as it was, with who is neither done with nor told of; null where that is nobody. */
function deadLetter(entry: Entry, { envelope: { to }, owed = [] }: Entry, note: string): Entry | null {
  const { owed: _, ...rest } = entry;
  const failed = owed.filter(({ outcome }) => outcome.kind === "rejected").map(({ recipient }) => recipient);
  const left = [...to, ...failed];
  const keys = new Set(left.map(({ address }) => mailboxKey(address)));
  const last = entry.last.filter(({ recipient }) => keys.has(mailboxKey(recipient)));
  return left.length === 0 ? null : { ...rest, envelope: { ...entry.envelope, to: left }, last, state: "dead", note };
}

/** From a second to a minute, less up to half by chance: workers of a store that comes back do not all come at once. */
export function troubleWait(failures: number, { random }: Policy): number {
  const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures - 1, 10));
  const chance = random();
  return longest * (1 - (chance >= 0 && chance <= 1 ? chance : 0) / 2);
}
