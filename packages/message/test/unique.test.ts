import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { uniqueId } from "../src/unique.ts";

describe("uniqueId", () => {
  it("gives UUIDs of version 7 that sort by time (RFC 9562 §5.7)", () => {
    const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    fc.assert(
      fc.property(time, time, (one, other) => {
        const ids = [uniqueId(one), uniqueId(other)];
        for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
        const times = ids.map((id) => id.slice(0, 13));
        expect(times.map((text) => Number.parseInt(text.replace("-", ""), 16))).toEqual([one, other]);
        expect(times.toSorted()).toEqual(one <= other ? times : times.toReversed());
      }),
    );
  });

  it("gives another each time", () => {
    expect(new Set(Array.from({ length: 1000 }, () => uniqueId(0)))).toHaveLength(1000);
  });
});
