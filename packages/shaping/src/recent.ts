/** What is known of lanes: those used last are remembered. */
export interface Recent<T> {
  /** What is known of a lane, made at its first use. */
  of(lane: string): T;
  forget(lane: string): void;
}

/** Lanes that are remembered while nothing goes on in them; past that the one not used for longest is forgotten. */
export const REMEMBERED = 10_000;

export function recent<T extends { readonly isIdle: boolean }>(make: (lane: string) => T): Recent<T> {
  const known = new Map<string, T>();

  function makeRoom(): void {
    for (const [lane, { isIdle }] of known) {
      if (known.size < REMEMBERED) return;
      if (isIdle) known.delete(lane);
    }
  }

  return {
    of(lane) {
      const found = known.get(lane) ?? make(lane);
      // To the end of the map: its order is that of the last use.
      known.delete(lane);
      if (known.size >= REMEMBERED) makeRoom();
      known.set(lane, found);
      return found;
    },
    forget: (lane) => void known.delete(lane),
  };
}
