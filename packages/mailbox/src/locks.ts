/** One at a time for each key. */
export interface Locks {
  /** Waits for all of these keys; give them back by disposing. Whoever takes several must take them at once. */
  take(keys: readonly string[]): Promise<Disposable>;
}

export function locks(): Locks {
  const tails = new Map<string, Promise<void>>();
  return {
    async take(keys) {
      const { promise: done, resolve: release } = Promise.withResolvers<void>();
      // All places in all queues are taken at the same moment, so that nobody waits in a circle.
      const before = keys.map((key) => tails.get(key) ?? Promise.resolve());
      const mine = Promise.all([...before, done]).then(() => undefined);
      for (const key of keys) tails.set(key, mine);
      await Promise.all(before);
      return {
        [Symbol.dispose]() {
          release();
          for (const key of keys) if (tails.get(key) === mine) tails.delete(key);
        },
      };
    },
  };
}
