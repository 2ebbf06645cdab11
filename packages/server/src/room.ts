/**
 * Whether there is room for another message, as the last ones have shown. Whoever would hear 452 after a message hears it at MAIL
 * for a while, so that nothing is taken in to be dropped; one that is smaller than what had no room is let try. What was let try makes
 * the while no longer, or one client could keep all others out. Nor does the while begin where there was room just now for another that
 * is no smaller: then what lacks room is not the whole.
 */
export interface Room {
  /** There was none for a message of so many octets: what it has, or what was declared, whichever is more. */
  lacked(octets: number): void;
  /** There was for one of so many octets. */
  had(octets: number): void;
  /** Is one of so many octets worth a try? Undefined: as many as may be. */
  has(octets: number | undefined): boolean;
}

export function room(pause: number, clock: () => number): Room {
  let size = Infinity;
  let since = -Infinity;
  let lastSize = 0;
  let lastHad = -Infinity;

  /** Less than the pause ago. A clock that was put back ends it as well. */
  function isRecent(time: number): boolean {
    const passed = clock() - time;
    return passed >= 0 && passed < pause;
  }

  return {
    lacked(octets) {
      if (isRecent(since)) size = Math.min(size, octets);
      else if (lastSize < octets || !isRecent(lastHad)) {
        size = octets;
        since = clock();
      }
    },
    had(octets) {
      lastSize = octets;
      lastHad = clock();
      if (octets >= size) since = -Infinity;
    },
    has: (octets = Infinity) => octets < size || !isRecent(since),
  };
}
