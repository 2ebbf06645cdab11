import type { Semaphore, WaitingRoom } from "./semaphore.ts";
import { semaphore } from "./semaphore.ts";

export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly initial: number;
}

/** One destination, and how many sends at once it seems to take. */
export interface Destination {
  /** Waits for a place. Gives the round this attempt belongs to. */
  enter(signal: AbortSignal | undefined): Promise<number>;
  leave(): void;
  /** An attempt of that round met congestion. Only the first of a round cuts: the others ran into the same wall. */
  cut(round: number): void;
  /** An attempt was answered. Counts where all places are taken: else nobody knows whether more would have passed. */
  grow(): void;
  readonly concurrency: number;
  readonly isIdle: boolean;
}

/** TCP halves (RFC 5681 §3.1). A milder cut keeps the mean nearer to what the destination takes. */
const DECREASE = 0.7;

export function destination({ min, max, initial }: Bounds, room: WaitingRoom): Destination {
  const gate: Semaphore = semaphore(initial, room);
  let window = initial;
  let round = 0;

  function resize(to: number): void {
    window = Math.min(max, Math.max(min, to));
    gate.resize(Math.floor(window));
  }

  return {
    async enter(signal) {
      await gate.enter(signal);
      return round;
    },
    leave: () => gate.leave(),
    cut(of) {
      if (of !== round) return;
      round += 1;
      resize(window * DECREASE);
    },
    grow() {
      // One more after as many answers as the window is wide.
      if (gate.inside >= gate.width) resize(window + 1 / gate.width);
    },
    get concurrency() {
      return gate.width;
    },
    get isIdle() {
      return gate.inside === 0;
    },
  };
}
