import type { Schedule } from "@postroad/core";
import { ConfigError, MAX_TIMER, backoff } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** The waits a schedule gives when nothing else takes time. */
function waits(schedule: Schedule, limit = 1000): readonly number[] {
  const all: number[] = [];
  let elapsed = 0;
  for (let attempt = 1; attempt <= limit; attempt += 1) {
    const wait = schedule(attempt, elapsed);
    if (wait === undefined) break;
    all.push(wait);
    elapsed += wait;
  }
  return all;
}

describe("backoff", () => {
  it("grows by the factor up to max, and ends with until", () => {
    const schedule = backoff({ first: 100, factor: 2, max: 500, until: 1700, jitter: 0 });
    expect(waits(schedule)).toEqual([100, 200, 400, 500, 500]);
  });

  it("M9: by default waits for half an hour after a few attempts and goes on for over four days", () => {
    const all = waits(backoff({ random: () => 1 }));
    expect(all[0]).toBeLessThanOrEqual(60_000);
    expect(all.slice(6).every((wait) => wait >= 30 * 60_000)).toBe(true);
    expect(all.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(4 * 24 * 3_600_000);
  });

  it("takes from each wait no more than the share that jitter leaves to chance", () => {
    const last = (random: number): unknown => backoff({ first: 1000, jitter: 0.25, random: () => random })(1, 0);
    expect([last(0), last(0.5), last(1)]).toEqual([1000, 875, 750]);
  });

  it("stretches the defaults to a first wait that is longer than they are", () => {
    expect(backoff({ first: 20_000_000, jitter: 0 })(2, 0)).toBe(20_000_000);
    expect(backoff({ first: 500_000_000, jitter: 0 })(1, 0)).toBe(500_000_000);
  });

  it("#76: refuses waits that are nothing, negative, endless, shrinking, or mostly chance", () => {
    for (const [path, wrong] of [
      ["first", 0],
      ["first", -1],
      ["first", Number.NaN],
      ["first", MAX_TIMER + 1],
      ["max", 0],
      ["max", -1],
      ["max", Infinity],
      ["max", 59_999],
      ["until", 0],
      ["until", Infinity],
      ["until", 59_999],
      ["factor", 0.5],
      ["factor", Number.NaN],
      ["factor", Infinity],
      ["jitter", 1.01],
      ["jitter", -0.1],
      ["random", 4],
    ] as const) {
      const make = (): unknown => backoff({ [path]: wrong });
      expect(make, `${path}: ${wrong}`).toThrow(ConfigError);
      expect(make, `${path}: ${wrong}`).toThrow(`backoff: ${path} `);
    }
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => backoff({ maximum: 3 })).toThrow("maximum is not an option");
  });

  it("#55: gives whole milliseconds that a timer can wait, whatever it is asked", () => {
    const any = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -1, 1e308));
    fc.assert(
      fc.property(any, any, any, fc.integer({ min: 1, max: 1e6 }), (attempt, elapsed, chance, first) => {
        const wait = backoff({ first, random: () => chance, jitter: 1 })(attempt, elapsed);
        if (wait === undefined) return;
        expect(Number.isInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(1);
        expect(wait).toBeLessThanOrEqual(MAX_TIMER);
      }),
    );
  });

  it("#55: a clock that gives nonsense does not end it", () => {
    expect(backoff()(1, Number.NaN)).toBeTypeOf("number");
    expect(backoff()(1, -1e12)).toBeTypeOf("number");
  });
});
