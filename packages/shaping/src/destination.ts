import { congestionWindow } from "@postroad/core";
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

export function destination(bounds: Bounds, room: WaitingRoom): Destination {
  const window = congestionWindow(bounds);
  const gate: Semaphore = semaphore(window.width, room);
  return {
    async enter(signal) {
      await gate.enter(signal);
      return window.round;
    },
    leave: () => gate.leave(),
    cut(round) {
      window.cut(round);
      gate.resize(window.width);
    },
    grow() {
      window.grow(gate.inside);
      gate.resize(window.width);
    },
    get concurrency() {
      return gate.width;
    },
    get isIdle() {
      return gate.inside === 0;
    },
  };
}
