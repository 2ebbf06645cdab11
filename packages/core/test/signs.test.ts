import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Outcome } from "../src/index.ts";
import { congestionWindow, isAnswer, isCongestion, isConnectionFailure } from "../src/index.ts";

function deferred(status: `4.${number}.${number}`, code?: number): Outcome {
  const reply = code === undefined ? {} : { reply: { code, text: "later" } };
  return { kind: "deferred", recipient: "b@x", by: "test", message: "later", status, ...reply };
}

describe("signs", () => {
  it.each([
    ["no connection", deferred("4.4.1"), true, true, false],
    ["no TLS", deferred("4.7.5"), true, true, false],
    ["a wrong password", deferred("4.7.8", 454), true, true, true],
    ["a server that closes", deferred("4.3.2", 421), true, true, true],
    ["a server that does not want us", deferred("4.7.1", 554), true, true, true],
    ["too many at once", deferred("4.7.28", 451), false, true, true],
    ["too many at once, by HTTP", deferred("4.3.0", 429), false, true, true],
    ["greylisting", deferred("4.7.1", 450), false, false, true],
    ["M17: a full mailbox", deferred("4.2.2", 452), false, false, true],
    ["a place that is missing", deferred("4.3.5"), false, false, false],
  ])("of %s", (_, outcome, connection, congestion, answer) => {
    expect([isConnectionFailure(outcome), isCongestion(outcome), isAnswer(outcome)]).toEqual([connection, congestion, answer]);
  });
});

describe("congestionWindow", () => {
  it("grows by one per round of answers and is cut once per round", () => {
    const window = congestionWindow({ min: 1, max: 20, initial: 5 });
    for (let answer = 0; answer < 4; answer += 1) window.grow(5);
    expect(window.width).toBe(5);
    window.grow(5);
    expect(window.width).toBe(6);
    const { round } = window;
    window.cut(round);
    window.cut(round);
    expect(window.width).toBe(4);
  });

  it("does not grow while places are free", () => {
    const window = congestionWindow({ min: 1, max: 20, initial: 5 });
    for (let answer = 0; answer < 100; answer += 1) window.grow(4);
    expect(window.width).toBe(5);
  });

  it("stays within its bounds", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 300 }), (answers) => {
        const window = congestionWindow({ min: 2, max: 7, initial: 3 });
        for (const isGood of answers) {
          if (isGood) window.grow(window.width);
          else window.cut(window.round);
          expect(window.width).toBeGreaterThanOrEqual(2);
          expect(window.width).toBeLessThanOrEqual(7);
        }
      }),
    );
  });
});
