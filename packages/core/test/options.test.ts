import type { Rules } from "@postroad/core";
import {
  ConfigError,
  MAX_TIMER,
  anything,
  checkOptions,
  isBoolean,
  isDuration,
  isFunction,
  isInteger,
  isObject,
  isOneOf,
  isString,
  nearest,
} from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

interface Options {
  readonly host?: string;
  readonly port?: number;
  readonly requireTls?: boolean;
  readonly auth?: unknown;
}

const rules: Rules<Options> = { host: isString, port: isInteger(1, 65_535), requireTls: isBoolean, auth: anything };

function refusal(given: object, required: readonly (keyof Options)[] = []): ConfigError | undefined {
  try {
    checkOptions<Options>("smtp", given, rules, required);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

describe("checkOptions", () => {
  it("lets right options pass, and those that are undefined", () => {
    expect(refusal({ host: "mx", port: 25, requireTls: true, auth: {} })).toBeUndefined();
    expect(refusal({})).toBeUndefined();
    expect(refusal({ host: undefined, nonsense: undefined })).toBeUndefined();
  });

  it("#73: refuses an unknown option and names the nearest, or all there are", () => {
    expect(refusal({ requireTLS: true })?.message).toBe("smtp: requireTLS is not an option; did you mean requireTls?");
    expect(refusal({ prot: 25 })?.message).toBe("smtp: prot is not an option; did you mean port?");
    expect(refusal({ wholly: 1 })?.message).toBe(
      "smtp: wholly is not an option; there are host, port, requireTls, auth",
    );
  });

  it("#73: refuses a wrong type and shows what was given", () => {
    expect(refusal({ port: "25" })?.message).toBe('smtp: port must be a whole number from 1 to 65535, not "25"');
    expect(refusal({ host: null, requireTls: [] })?.issues).toEqual([
      { path: "host", message: "must be a string, not null" },
      { path: "requireTls", message: "must be true or false, not an array" },
    ]);
  });

  it("names all issues at once, what is missing too", () => {
    expect(refusal({ port: 0, prot: 1, host: undefined }, ["host"])?.issues.map(({ path }) => path)).toEqual([
      "host",
      "port",
      "prot",
    ]);
    expect(refusal({}, ["host"])?.message).toBe("smtp: host is missing");
  });

  it("does not take inherited names for options", () => {
    expect(refusal({ constructor: 1 })?.issues).toHaveLength(1);
    expect(refusal({ toString: 1 })?.issues).toHaveLength(1);
    expect(refusal(JSON.parse('{"__proto__":1}'))?.issues).toHaveLength(1);
  });

  it("#75: shows no value of an option it does not know, nor of one that any value fits", () => {
    const error = refusal({ pasword: "hunter2", auth: "hunter2", port: 0 });
    expect(`${error?.message} ${String(error)} ${JSON.stringify(error)}`).not.toContain("hunter2");
    expect(error?.issues).toHaveLength(2);
  });

  it("cuts long values", () => {
    expect(refusal({ port: "x".repeat(1000) })?.message.length).toBeLessThan(120);
  });
});

describe("rules", () => {
  it.each([
    [isString, ["", "x"], [1, null, {}, []]],
    [isBoolean, [true, false], [0, "true", null]],
    [isFunction, [() => undefined, Date], [{}, null, "x"]],
    [isObject, [{}, [], new Map()], [null, "x", 1, () => undefined]],
    [anything, [null, 1, "x", {}], []],
    [isInteger(1, 3), [1, 2, 3], [0, 4, 1.5, NaN, Infinity, "2", 2n, null]],
    [isInteger(0), [0, Number.MAX_SAFE_INTEGER], [-1, 2 ** 53, Infinity]],
    [isDuration, [1, MAX_TIMER], [0, -1, MAX_TIMER + 1, Infinity, 0.5]],
    [isOneOf("a", "b"), ["a", "b"], ["c", "A", "", 1, null]],
  ])("%# says nothing of what is right, and what is wrong of the rest", (rule, right, wrong) => {
    expect(right.map(rule)).toEqual(right.map(() => undefined));
    for (const value of wrong) expect(rule(value)).toMatch(/^must be .*, not /);
  });

  it("timers are capped where platforms cap them", () => {
    expect(MAX_TIMER).toBe(2 ** 31 - 1);
  });
});

describe("nearest", () => {
  it("compares long words by their first 64 characters, the limit included", () => {
    expect(nearest("x".repeat(500), ["host"])).toBeUndefined();
  });

  it.each([
    ["hots", ["host", "port"], "host"],
    ["HOST", ["host", "port"], "host"],
    ["hots", ["HOST"], "HOST"],
    ["timeuot", ["timeout", "time"], "timeout"],
    ["connectTimeout", ["connectionTimeout", "greetingTimeout"], "connectionTimeout"],
    ["x", [], undefined],
    ["zebra", ["host", "port"], undefined],
  ])("to %s among %j is %s", (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected);
  });

  const word = fc.stringMatching(/^[a-z]{1,12}$/);

  it("is the word itself where it is there", () => {
    fc.assert(
      fc.property(word, fc.array(word), (given, others) => {
        expect(nearest(given, [...others, given])).toBe(given);
      }),
    );
  });

  it("finds a word with one letter dropped, doubled or changed", () => {
    fc.assert(
      fc.property(word, fc.nat(), fc.constantFrom("", "x", "xy"), (given, at, instead) => {
        const place = at % given.length;
        expect(nearest(`${given.slice(0, place)}${instead}${given.slice(place + 1)}`, [given])).toBe(given);
      }),
    );
  });
});
