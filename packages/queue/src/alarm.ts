import type { Clock } from "./clock.ts";

/** What one loop waits by. */
export interface Alarm {
  /** Has it rung since the last reset? */
  readonly isRung: boolean;
  readonly ring: () => void;
  reset(): void;
  /** Until it rings, at once where it has, or so long. */
  wait(milliseconds: number): Promise<void>;
  /** Until something is so, looked at whenever it rings, or so long. */
  waitFor(milliseconds: number, isEnough: () => boolean): Promise<void>;
  /** So long, whether it rings or not. */
  pause(milliseconds: number): Promise<void>;
  /** Until something is so, looked at whenever it rings, or so many milliseconds of real time. */
  linger(milliseconds: number, isEnough: () => boolean): Promise<void>;
  /** Nobody waits any longer. */
  end(): void;
}

export function alarm(clock: Clock): Alarm {
  let isRung = false;
  let isEnded = false;
  let waiter: { readonly isEnough: () => boolean; readonly go: () => void } | undefined;

  function until(isEnough: () => boolean, start: (go: () => void) => () => void): Promise<void> {
    if (isEnded || isEnough()) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        waiter = undefined;
        callOff();
        resolve();
      };
      const callOff = start(go);
      waiter = { isEnough, go };
    });
  }

  return {
    get isRung() {
      return isRung;
    },
    ring() {
      isRung = true;
      if (waiter?.isEnough() === true) waiter.go();
    },
    reset: () => void (isRung = false),
    wait: (milliseconds) => until(() => isRung, (go) => clock.after(milliseconds, go)),
    waitFor: (milliseconds, isEnough) => until(isEnough, (go) => clock.after(milliseconds, go)),
    pause: (milliseconds) => until(() => false, (go) => clock.after(milliseconds, go)),
    linger: (milliseconds, isEnough) =>
      until(isEnough, (go) => {
        const timer = setTimeout(go, milliseconds);
        return () => clearTimeout(timer);
      }),
    end() {
      isEnded = true;
      waiter?.go();
    },
  };
}
