import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compact, coverageOf, idsIn, requirementsOf } from "../lib/requirements.ts";
import { testTitles } from "../lib/titles.ts";
import { root } from "../lib/workspace.ts";
import { SLOW } from "./fixture.ts";

const text = [
  "# Requirements",
  "## Client (Z)",
  "| id | RFC § | requirement | check |",
  "| --- | --- | --- | --- |",
  "| Z1 | 5321 | ends lines | wire |",
  "| Z2 | 5321 | stuffs dots | unit |",
  "## Bad input",
  "| # | input |",
  "| --- | --- |",
  "| 90 | CRLF |",
  "| note | not a requirement |",
].join("\n");

describe("requirementsOf", () => {
  it("reads every row that starts with an id, and a bare number as one", () => {
    expect(requirementsOf(text)).toEqual([
      { title: "Client (Z)", ids: ["Z1", "Z2"] },
      { title: "Bad input", ids: ["#90"] },
    ]);
  });
});

describe("idsIn", () => {
  // Not a table of tests: their titles would name requirements.
  const named: Readonly<Record<string, readonly string[]>> = {
    "C30: 354 with no valid recipient sends a lone dot": ["C30"],
    "C1, C2: lines and dots": ["C1", "C2"],
    "C1 and #36: both": ["C1", "#36"],
    "C29 to C32: pipelining": ["C29", "C30", "C31", "C32"],
    "#19–#21, M8: refused": ["#19", "#20", "#21", "M8"],
    "C1-C3": ["C1", "C2", "C3"],
    "keeps the order (#35)": ["#35"],
    "keeps the order (C13, #26) and goes on [I5]": ["C13", "#26", "I5"],
    "C1: says it twice (C1)": ["C1"],
  };
  const silent = [
    "escapes C1 controls",
    "C1 controls are escaped",
    "C1 controls: escaped",
    "a reply (code 250)",
    "takes 100: no more",
    "ISO-8859-1: decoded",
    "",
  ];

  it("reads labels before a colon and in brackets", () => {
    for (const [title, ids] of Object.entries(named)) expect(idsIn(title), title).toEqual(ids);
  });

  it("ignores what only looks like an id", () => {
    for (const title of silent) expect(idsIn(title), title).toEqual([]);
  });

  it("takes the two ends of a span that has no inside as themselves", () => {
    for (const title of ["C5-C3: x", "C1-M3: x"]) expect(idsIn(title), title).toHaveLength(2);
  });

  it("finds every id of any list", () => {
    const id = fc.tuple(fc.constantFrom("C", "M", "#", "AB"), fc.nat(999)).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1 }), (list) => {
        expect(idsIn(`${list.join(", ")}: title`).toSorted()).toEqual(list.toSorted());
      }),
    );
  });
});

describe("coverageOf", () => {
  it("tells rows with a test from rows without, and ignores ids that are no rows", () => {
    expect(coverageOf(requirementsOf(text), ["Z2: dots", "Z9: nothing"])).toEqual([
      { section: "Client (Z)", total: 2, covered: ["Z2"], uncovered: ["Z1"] },
      { section: "Bad input", total: 1, covered: [], uncovered: ["#90"] },
    ]);
  });
});

describe("compact", () => {
  it("writes three or more neighbours as a span", () => {
    expect(compact(["C1", "C2", "C3", "C5", "C6", "#8", "#9", "#10"])).toBe("C1–C3 C5 C6 #8–#10");
  });
});

describe("testTitles", { timeout: SLOW }, () => {
  it("gives the titles of tests and suites, tables filled in", async () => {
    const titles = await testTitles(root, ["tools/test/markdown.test.ts"]);
    expect([...titles]).toEqual(expect.arrayContaining(["fill", "refuses markers that are missing"]));
  });

  it("gives those of another configuration, and starts no server for it", async () => {
    const titles = await testTitles(root, ["postfix-window"], "interop/vitest.config.ts");
    expect([...titles].flatMap(idsIn)).toEqual(expect.arrayContaining(["I1", "C13"]));
  });
});
