/** Who wants to hear when something may have become claimable. */
export interface Watchers {
  /** Gives what ends it. */
  add(wake: () => void): () => void;
  wake(): void;
  clear(): void;
}

/** `watched` hears whether there is anybody. */
export function watchersOf(watched: (anybody: boolean) => void): Watchers {
  const all = new Set<{ readonly wake: () => void }>();
  return {
    add(wake) {
      const watcher = { wake };
      all.add(watcher);
      if (all.size === 1) watched(true);
      return () => {
        if (all.delete(watcher) && all.size === 0) watched(false);
      };
    },
    wake() {
      for (const { wake } of all) {
        try {
          wake();
        } catch (error) {
          // Whoever writes is not to suffer for whoever watches.
          process.emitWarning(`a watcher of the store threw: ${String(error)}`);
        }
      }
    },
    clear() {
      if (all.size > 0) watched(false);
      all.clear();
    },
  };
}
