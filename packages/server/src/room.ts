/**
 * Whether there is room for another message, as the last ones have shown. Whoever would hear 452 after a message hears it at MAIL
 * for a while, so that nothing is taken in to be dropped; one that is smaller than what had no room is let try. What was let try makes
 * the while no longer, or one client could keep all others out. Nor does the while begin where there was room just now for another that
 * is no smaller: then what lacks room is not the whole. Nor by mails to one mailbox alone: that may be all
 * that is full.
 */
export interface Room {
  /** There was none for a message of so many octets: what it has, or what was declared, whichever is more. `only` was to have it. */
  lacked(octets: number, only?: string): void;
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
  let alone = { mailbox: "", at: -Infinity };

  /** Less than the pause ago. A clock that was put back ends it as well. */
  function isRecent(time: number): boolean {
    const passed = clock() - time;
    return passed >= 0 && passed < pause;
  }

  /** Is it one mailbox of which this is said, as far as is known? */
  function isOfOne(only: string | undefined): boolean {
    if (only === undefined) return false;
    const before = alone;
    alone = { mailbox: only, at: clock() };
    return before.mailbox === only || !isRecent(before.at);
  }

  return {
    lacked(octets, only) {
      const one = isOfOne(only);
      if (isRecent(since)) size = Math.min(size, octets);
      else if (!one && (lastSize < octets || !isRecent(lastHad))) {
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
