/** Failures by name, and what may become one. */
export interface Counts {
  failed(key: string): number;
  /** With those under way, each of which may fail. */
  possible(key: string): number;
  /** Begins one. Gives what ends it, once: with whether it has failed. */
  begin(key: string): (failed: boolean) => void;
  /** Forgets the failures, not what is under way. */
  forget(key: string): void;
}

interface Count {
  failed: number;
  underWay: number;
  readonly until: number;
}

/** Who has failed least is forgotten first: names and networks of IPv6 are made up by the thousand, and must not push out what is under attack. */
const MAX_ENTRIES = 10_000;

/** Counts for `period` milliseconds from the first on. */
export function counts(period: number, clock: () => number): Counts {
  const entries = new Map<string, Count>();

  function current(key: string): Count | undefined {
    const entry = entries.get(key);
    if (entry === undefined || entry.until > clock()) return entry;
    entries.delete(key);
    return undefined;
  }

  function entryFor(key: string): Count {
    const known = current(key);
    if (known !== undefined) return known;
    if (entries.size >= MAX_ENTRIES) forgetOne();
    const entry = { failed: 0, underWay: 0, until: clock() + period };
    entries.set(key, entry);
    return entry;
  }

  /** One that has run out, else the oldest of those with the least. They are in the order of their ends. */
  function forgetOne(): void {
    const now = clock();
    let least = Infinity;
    let chosen: string | undefined;
    for (const [key, { failed, underWay, until }] of entries) {
      const weight = until > now ? failed + underWay : 0;
      if (weight >= least) continue;
      least = weight;
      chosen = key;
      // Nobody has less, or one has run out.
      if (least <= 1) break;
    }
    if (chosen !== undefined) entries.delete(chosen);
  }

  return {
    failed: (key) => current(key)?.failed ?? 0,
    possible(key) {
      const { failed, underWay } = current(key) ?? { failed: 0, underWay: 0 };
      return failed + underWay;
    },
    begin(key) {
      const entry = entryFor(key);
      entry.underWay += 1;
      return (failed) => {
        entry.underWay -= 1;
        // Its entry may have run out in the meantime.
        if (failed) entryFor(key).failed += 1;
        else if (entry.failed === 0 && entry.underWay === 0 && entries.get(key) === entry) entries.delete(key);
      };
    },
    forget(key) {
      const entry = current(key);
      if (entry !== undefined) entry.failed = 0;
    },
  };
}
