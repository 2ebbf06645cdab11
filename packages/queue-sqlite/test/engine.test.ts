import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { runBatch } from "../src/engine/batch.ts";
import type { Answer, Draft, Operation } from "../src/messages.ts";
import { draftOf } from "../src/rows.ts";
import type { Bench } from "./bench.ts";
import { adding, bench, claiming, leasesOf } from "./bench.ts";
import { START, entryOf } from "./entries.ts";

describe("the engine", () => {
  it("fails one operation of those that share a commit, and none of its neighbours", async () => {
    await using made = await bench();
    const draft = (): Draft => draftOf(entryOf());
    const bad: Draft = { ...draft(), rest: JSON.parse("null") };
    const answers = made.run(adding(draft()), adding(bad), adding(draft()), { verb: "nextDue", request: {} });
    expect(answers.map(({ verb }) => verb)).toEqual(["add", "failed", "add", "nextDue"]);
    expect(answers[1]).toMatchObject({ failure: { status: "4.3.0", message: expect.stringContaining("NOT NULL") } });
    expect(made.run({ verb: "stats", request: { now: START } })[0]).toMatchObject({ answer: { due: 2, bytes: 6 } });
  });

  it("#53: asks once for all who wait, where another process has the database", async () => {
    await using made = await bench();
    const other = new DatabaseSync(made.engine.settings.path);
    other.exec("BEGIN IMMEDIATE");
    made.engine.sql.exec("PRAGMA busy_timeout = 1");
    let begun = 0;
    const exec = (query: string): void => {
      if (query.startsWith("BEGIN")) begun += 1;
      made.engine.sql.exec(query);
    };
    const engine = { ...made.engine, sql: { ...made.engine.sql, exec } };
    const { answers } = runBatch(engine, Array.from({ length: 50 }, () => adding(draftOf(entryOf()))));
    other.close();
    expect(answers.map(({ verb }) => verb)).toEqual(answers.map(() => "failed"));
    expect(answers).toHaveLength(50);
    expect(begun).toBe(1);
  });

  it("finds everything by an index: no query reads more than it gives", async () => {
    await using made = await bench();
    exercise(made);
    expect(made.engine.sql.queries().length).toBeGreaterThan(40);
    expect(scansOf(made)).toEqual([]);
    // Such a limit has its statement prepared again each time.
    expect(made.engine.sql.queries().filter((query) => /LIMIT \?/.test(query))).toEqual([]);
  });

  it("#59: gives a lane its turn, however many of another became due before", async () => {
    await using made = await bench();
    const huge = Array.from({ length: 5000 }, () => draftOf(entryOf({ lane: "huge", attempts: 1, dueAt: START + 1 })));
    const small = Array.from({ length: 90 }, (_, lane) => draftOf(entryOf({ lane: `small ${lane}`, attempts: 1, dueAt: START + 2 })));
    made.run(adding(...huge), adding(...small));
    const lanes = [1, 2, 3].flatMap(() => made.run(claiming(START + 10, 50))).flatMap((each) => (each.verb === "claim" ? each.answer.leases : []));
    expect(new Set(lanes.map(({ row }) => row.lane))).toHaveLength(91);
    expect(scansOf(made)).toEqual([]);
  });

  it.for(["cancel", "hold", "retry"] as const)("changes many entries in pieces: %s", async (what) => {
    await using made = await bench();
    for (let mail = 0; mail < 5; mail += 1) made.run(adding(...Array.from({ length: 500 }, () => draftOf(entryOf()))));
    const pieces: number[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const [piece] = made.run({ verb: "change", request: { selection: { lane: "example.net" }, what, now: START, after } });
      if (piece?.verb !== "change") throw new Error(JSON.stringify(piece));
      pieces.push(piece.answer.changed);
      after = piece.answer.last;
    }
    expect(pieces).toEqual([1000, 1000, 500]);
  });

  it("forgets the keys of what was finished when their time is up", async () => {
    await using made = await bench();
    const draft = draftOf(entryOf());
    made.run(adding(draft));
    const [lease] = leasesOf(made.run(claiming(START)));
    if (lease === undefined) throw new Error("nothing was claimed");
    made.run({ verb: "settle", request: { ...lease, next: null } });
    made.run(claiming(START + 999));
    expect(made.run(adding(draft))[0]).toMatchObject({ answer: { added: [false] } });
    made.run(claiming(START + 1000));
    expect(made.run(adding(draft))[0]).toMatchObject({ answer: { added: [true] } });
  });
});

describe("a suspect that has grown too old", () => {
  it("#57: is given though an older one's lane has no place", async () => {
    await using made = await bench();
    const [older, younger] = [draftOf(entryOf({ lane: "full", agesFrom: START - 10 })), draftOf(entryOf({ lane: "free" }))];
    made.run(adding(older, younger));
    const claim = claiming(START);
    if (claim.verb !== "claim") throw new Error("it claims");
    const at = (now: number, more: object): ReturnType<typeof leasesOf> =>
      leasesOf(made.run({ verb: "claim", request: { ...claim.request, now, ttl: 1, ...more } }));
    expect([at(START, {}), at(START + 1, {})].map((leases) => leases.length)).toEqual([2, 2]);
    const lanes = new Map([["full", 0]]);
    const [lease] = at(START + 2, { lanes });
    if (lease === undefined) throw new Error("there is no lease");
    made.run({ verb: "settle", request: { ...lease, next: { ...younger, lapses: 2, dueAt: START + 1000 } } });
    expect(at(START + 3, { aged: START, lanes }).map(({ key }) => key)).toEqual([younger.key]);
  });
});

describe("lanes", () => {
  it("are kept a while when they are empty, and never more than a thousand", async () => {
    await using made = await bench();
    const drafts = Array.from({ length: 1500 }, (_, number) => draftOf(entryOf({ lane: `lane ${number}` })));
    const leases = leasesOf(made.run(adding(...drafts), claiming(START, 1500)));
    made.run(...leases.map((lease): Operation => ({ verb: "settle", request: { ...lease, next: null } })));
    expect(made.engine.sql.get("SELECT count(*) AS lanes FROM lanes")).toMatchObject({ lanes: 1000 });
    expect(made.run({ verb: "stats", request: { now: START } })).toMatchObject([{ answer: { lanes: [] } }]);
  });

  it("are like new ones when they are empty and their parking is over", async () => {
    await using made = await bench();
    made.run(adding(draftOf(entryOf())), { verb: "park", request: { lane: "example.net", until: START + 10 } });
    const [probe] = leasesOf(made.run(claiming(START + 10)));
    if (probe === undefined) throw new Error("nothing was claimed");
    made.run({ verb: "settle", request: { ...probe, next: null } });
    expect(made.run({ verb: "stats", request: { now: START + 10 } })).toMatchObject([{ answer: { lanes: [] } }]);
    made.run(adding(draftOf(entryOf()), draftOf(entryOf())));
    expect(made.run(claiming(START + 10))).toMatchObject([{ answer: { leases: [{ probe: false }, { probe: false }] } }]);
  });
});

describe("a list", () => {
  it("has what is leased between the others, in the order of keys and page by page", async () => {
    await using made = await bench();
    const drafts = ["a", "b", "c", "d", "e"].map((key) => draftOf(entryOf({ key, mail: "m" })));
    made.run(adding(...drafts));
    made.run(claiming(START, 2));
    for (const selection of [{ mail: "m" }, { lane: "example.net" }, {}]) {
      const page = (after?: string): readonly unknown[] =>
        made.run({ verb: "list", request: { ...selection, limit: 2, ...(after !== undefined && { after }) } }).flatMap((each) => (each.verb === "list" ? each.answer : [])).map(({ key, leased }) => [key, leased]);
      expect([page(), page("b"), page("d")]).toEqual([[["a", true], ["b", true]], [["c", false], ["d", false]], [["e", false]]]);
    }
  });
});

/** What the plans of all queries so far say of rows that are read and not given. */
function scansOf({ engine: { sql } }: Bench): readonly string[] {
  const queries = sql.queries().filter((query) => !query.startsWith("PRAGMA"));
  return queries.flatMap((query) =>
    sql
      .all(`EXPLAIN QUERY PLAN ${query}`)
      .map(({ detail }) => String(detail))
      .filter((detail) => /^SCAN|TEMP B-TREE/.test(detail) && !isFine(detail, query))
      .map((detail) => `${detail}: ${query}`),
  );
}

/** Tables of a few rows; and the numbers by lane, which people ask for and which are counted by the lane, not by the entry. */
function isFine(detail: string, query: string): boolean {
  if (/^SCAN (?:clock|totals|sqlite_master|pragma_application_id)\b/.test(detail)) return true;
  // The first of an index is all that is read.
  if (detail.includes("USING COVERING INDEX") && query.endsWith("LIMIT 1")) return true;
  return query.includes("FROM lanes") && /sum\(waiting\)|ORDER BY waiting/.test(query);
}

/** Does everything there is once, so that every query is prepared. */
function exercise(made: Bench): void {
  const run = (...operations: readonly Operation[]): readonly Answer[] => made.run(...operations);
  const rows = [
    {},
    { lane: "b", series: "s", expiresAt: START + 500 },
    { dueAt: START + 1000 },
    { state: "held" },
    { state: "dead" },
    { agesFrom: -5 },
  ] as const;
  for (const row of rows) run(adding(draftOf(entryOf(row))));
  const file = { file: "missing.eml" };
  run({ verb: "add", request: { rows: [draftOf(entryOf({ series: "s" }))], size: 1, crc: 0, body: file } });
  run(adding(draftOf(entryOf({ series: "s" }))));
  run({ verb: "park", request: { lane: "c", until: START + 10 } });
  const leases = leasesOf(run(claiming(START, 2), claiming(START, 2)));
  const [first, second] = leases;
  if (first === undefined || second === undefined) throw new Error("too little was claimed");
  run({ verb: "renew", request: { leases, until: START + 90_000 } }, { verb: "content", request: first });
  run({ verb: "settle", request: { ...first, next: null } });
  run({ verb: "settle", request: { ...second, next: draftOf(entryOf({ attempts: 1, dueAt: START + 700 })) } });
  for (const now of [START + 100_000, START - 100_000, START + 9_000_000]) run(claiming(now), { verb: "nextDue", request: {} });
  for (const now of [START, START + 90_000, START + 180_000, START + 270_000]) run(claiming(now));
  run({ verb: "stats", request: { now: START } });
  for (const selection of [{ key: "k" }, { mail: "m" }, { lane: "b" }, { lane: "b", mail: "m", key: "k" }]) {
    run({ verb: "list", request: { ...selection, limit: 10 } });
  }
  for (const state of ["ready", "held", "dead"] as const) run({ verb: "list", request: { state, lane: "b" } });
  run({ verb: "list", request: {} });
  run({ verb: "quarantine", request: { entries: [{ key: "k", token: "t", note: "damaged" }] } });
  run({ verb: "list", request: { state: "held" } });
  for (const what of ["hold", "release", "retry", "cancel"] as const) {
    run({ verb: "change", request: { selection: { lane: "example.net" }, what, now: START, after: "" } });
    run({ verb: "change", request: { selection: { state: "dead" }, what, now: START, after: "a" } });
    run({ verb: "change", request: { selection: { state: "ready" }, what, now: START, after: "" } });
    run({ verb: "change", request: { selection: { lane: "b", mail: "m", state: "held" }, what, now: START, after: "" } });
  }
}
