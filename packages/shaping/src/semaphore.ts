import { Refusal } from "@postroad/core";
import { reasonOf } from "./clock.ts";

/** Counts those who wait, in all lanes of one middleware together. */
export interface WaitingRoom {
  /** Throws a Refusal where it is full. */
  enter(): void;
  leave(): void;
}

export function waitingRoom(by: string, places: number): WaitingRoom {
  let taken = 0;
  return {
    enter() {
      if (taken >= places) throw new Refusal("4.3.0", `${by}: ${places} sends are waiting already`);
      taken += 1;
    },
    leave() {
      taken -= 1;
    },
  };
}

/** Lets in as many as it is wide; the others wait in the order they came. */
export interface Semaphore {
  /** Nothing where there is room, else a promise of it, which rejects when the signal aborts. Throws where too many wait. */
  enter(signal: AbortSignal | undefined): Promise<void> | undefined;
  leave(): void;
  /** Changes the width. Who is inside stays. */
  resize(width: number): void;
  readonly width: number;
  readonly inside: number;
}

export function semaphore(initial: number, room: WaitingRoom): Semaphore {
  // A Set keeps the order they came in, and lets anyone step out of the middle at no cost.
  const line = new Set<() => void>();
  let width = initial;
  let inside = 0;

  function admit(): void {
    for (const go of line) {
      if (inside >= width) return;
      line.delete(go);
      inside += 1;
      go();
    }
  }

  function wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leaveLine = (): void => {
        signal?.removeEventListener("abort", stop);
        room.leave();
      };
      const go = (): void => {
        leaveLine();
        resolve();
      };
      const stop = (): void => {
        line.delete(go);
        leaveLine();
        reject(reasonOf(signal));
      };
      line.add(go);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  return {
    enter(signal) {
      if (signal?.aborted === true) throw reasonOf(signal);
      if (inside < width && line.size === 0) {
        inside += 1;
        return undefined;
      }
      room.enter();
      return wait(signal);
    },
    leave() {
      inside -= 1;
      admit();
    },
    resize(to) {
      width = to;
      admit();
    },
    get width() {
      return width;
    },
    get inside() {
      return inside;
    },
  };
}
