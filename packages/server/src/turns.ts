/** Lets so many do something at once; a bounded number waits. */
export interface Turns {
  /** Does it as soon as there is room, in the order of asking. Undefined, and nothing done, where too many wait already. */
  take<T>(work: () => Promise<T>): Promise<T> | undefined;
}

export function turns(atOnce: number, maxWaiting: number): Turns {
  const waiting: (() => void)[] = [];
  let busy = 0;

  async function run<T>(turn: Promise<void> | undefined, work: () => Promise<T>): Promise<T> {
    // Whoever leaves hands the place on, so it stays taken.
    await turn;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) busy -= 1;
      else next();
    }
  }

  return {
    take(work) {
      if (busy < atOnce) {
        busy += 1;
        return run(undefined, work);
      }
      if (waiting.length >= maxWaiting) return undefined;
      return run(new Promise((resolve) => waiting.push(resolve)), work);
    },
  };
}
