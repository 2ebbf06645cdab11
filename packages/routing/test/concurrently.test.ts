import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concurrently } from "../src/concurrently.ts";

interface Result {
  readonly index: number;
}

/** Lets everything that can go on go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function collect(results: AsyncIterable<Result>): Promise<number[]> {
  const indexes: number[] = [];
  for await (const { index } of results) indexes.push(index);
  return indexes;
}

describe("concurrently", () => {
  it("gives every result once, whatever the order of completion and the limit", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5)), fc.integer({ min: 1, max: 8 }), fc.boolean(), async (turns, concurrency, lazy) => {
        async function* slowly(): AsyncGenerator<number> {
          for (const count of turns) {
            await turn();
            yield count;
          }
        }
        const work = async (count: number, index: number): Promise<Result> => {
          for (let i = 0; i < count; i += 1) await turn();
          return { index };
        };
        const got = await collect(concurrently(lazy ? slowly() : turns, work, { concurrency }));
        expect(got.toSorted((a, b) => a - b)).toEqual(turns.map((_, index) => index));
      }),
      { numRuns: 50 },
    );
  });

  it("never has more under way than allowed, and reads no faster than results are taken", async () => {
    let busy = 0;
    let most = 0;
    let read = 0;
    function* source(): Generator<number> {
      for (let i = 0; i < 50; i += 1) {
        read += 1;
        yield i;
      }
    }
    const work = async (_: number, index: number): Promise<Result> => {
      busy += 1;
      most = Math.max(most, busy);
      await turn();
      busy -= 1;
      return { index };
    };
    const results = concurrently(source(), work, { concurrency: 3 });
    for (let taken = 0; taken < 50; taken += 1) {
      await results.next();
      await turn();
      expect(read).toBeLessThanOrEqual(taken + 1 + 3);
    }
    expect(most).toBe(3);
  });

  it("gives results of a fast item while the source still waits for the next", async () => {
    const gate = Promise.withResolvers<undefined>();
    async function* source(): AsyncGenerator<string> {
      yield "first";
      await gate.promise;
      yield "second";
    }
    const results = concurrently(source(), async (_, index) => ({ index }), {});
    expect(await results.next()).toEqual({ done: false, value: { index: 0 } });
    gate.resolve(undefined);
    expect(await results.next()).toEqual({ done: false, value: { index: 1 } });
    expect((await results.next()).done).toBe(true);
  });

  it("gives what was under way when the source throws, then throws the same", async () => {
    function* source(): Generator<string> {
      yield "first";
      yield "second";
      throw new Error("the source broke");
    }
    const results = concurrently(source(), async (_, index) => ({ index }), {});
    expect((await results.next()).value).toEqual({ index: 0 });
    expect((await results.next()).value).toEqual({ index: 1 });
    await expect(results.next()).rejects.toThrow("the source broke");
  });

  it("stops taking items on abort, gives what was under way, then throws the reason", async () => {
    const abort = new AbortController();
    let started = 0;
    const work = async (_: number, index: number): Promise<Result> => {
      started += 1;
      if (index === 3) abort.abort(new Error("enough"));
      await turn();
      return { index };
    };
    function* forever(): Generator<number> {
      for (let i = 0; ; i += 1) yield i;
    }
    const seen: number[] = [];
    const results = concurrently(forever(), work, { concurrency: 2, signal: abort.signal });
    await expect(
      (async () => {
        for await (const { index } of results) seen.push(index);
      })(),
    ).rejects.toThrow("enough");
    expect(seen).toHaveLength(started);
  });

  it("takes nothing when it was aborted before it began", async () => {
    const results = concurrently(["a"], async (_, index) => ({ index }), { signal: AbortSignal.abort() });
    await expect(results.next()).rejects.toThrow("abort");
  });

  it("closes the source when the consumer leaves", async () => {
    let closed = false;
    function* source(): Generator<number> {
      try {
        for (let i = 0; ; i += 1) yield i;
      } finally {
        closed = true;
      }
    }
    for await (const { index } of concurrently(source(), async (item) => ({ index: item }), { concurrency: 2 })) {
      if (index === 5) break;
    }
    await turn();
    expect(closed).toBe(true);
  });
});
