import { describe, expect, it } from "vitest";
import type { Answer, Draft, Operation } from "../src/messages.ts";
import { draftOf } from "../src/rows.ts";
import type { Bench } from "./bench.ts";
import { adding, bench, claiming, leasesOf } from "./bench.ts";
import { START, entryOf } from "./entries.ts";

const draft = (given: Parameters<typeof entryOf>[0] = {}): Draft => draftOf(entryOf(given));

function keysOf(answers: readonly Answer[]): readonly string[] {
  return leasesOf(answers).map(({ key }) => key);
}

function phases({ engine }: Bench): readonly unknown[] {
  return engine.sql.all("SELECT key, phase FROM entries ORDER BY id").map(({ key, phase }) => [key, phase]);
}

function updates({ engine }: Bench): readonly string[] {
  return engine.sql.queries().filter((query) => query.startsWith("UPDATE entries"));
}

describe("a claim in the transaction of an add", () => {
  it("takes what is added over the counter: written once, as leased, with its content", async () => {
    await using made = await bench();
    const drafts = [draft(), draft({ lane: "b" }), draft()];
    const [first, second, third] = drafts;
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
    const answers = made.run(adding(first, second), adding(third), claiming(START));
    expect(leasesOf(answers).map(({ key }) => key)).toEqual(drafts.map(({ key }) => key));
    expect(answers.at(-1)).toMatchObject({
      answer: {
        leases: [{ content: 0, probe: false }, { content: 0 }, { content: 1 }],
        contents: [{ size: 3, body: { data: Buffer.from("abc") } }, { size: 3 }],
        damaged: [],
      },
    });
    expect(phases(made)).toEqual(drafts.map(({ key }) => [key, 2]));
    expect(updates(made)).toEqual([]);
    expect(made.engine.sql.all("SELECT * FROM turns")).toEqual([]);
    expect(made.run({ verb: "stats", request: { now: START } })).toMatchObject([{ answer: { leased: 3, due: 0, oldest: START } }]);
    const settles = leasesOf(answers).map((lease): Operation => ({ verb: "settle", request: { ...lease, next: null } }));
    expect(made.run(...settles)).toEqual(settles.map(() => ({ verb: "settle", answer: true })));
    expect(made.run({ verb: "stats", request: { now: START } })).toMatchObject([{ answer: { leased: 0, bytes: 0 } }]);
  });

  it("gives the same entries as one in a transaction of its own", async () => {
    await using together = await bench();
    await using apart = await bench();
    const drafts = [draft({ priority: 3 }), draft({ expiresAt: START + 5 }), draft({ agesFrom: START - 10 }), draft({ attempts: 2 })];
    const both = together.run(...drafts.map((each) => adding(each)), claiming(START)).at(-1);
    apart.run(...drafts.map((each) => adding(each)));
    const alone = apart.run(claiming(START)).at(-1);
    if (both?.verb !== "claim" || alone?.verb !== "claim") throw new Error("a claim failed");
    const byKey = (one: { readonly row: Draft | object }, other: { readonly row: object }): number => (JSON.stringify(one.row) < JSON.stringify(other.row) ? -1 : 1);
    const rows = (answer: typeof both.answer): readonly object[] => answer.leases.toSorted(byKey).map(({ row, probe }) => ({ row, probe }));
    expect(rows(both.answer)).toEqual(rows(alone.answer));
  });

  it("lets nothing pass what stood in line before", async () => {
    await using made = await bench();
    const [old, fresh] = [draft(), draft()];
    made.run(adding(old));
    expect(keysOf(made.run(adding(fresh), claiming(START)))).toEqual([old.key, fresh.key]);
  });

  it("keeps to priorities where there is no place for all", async () => {
    await using made = await bench();
    const urgent = draft({ priority: 5 });
    expect(keysOf(made.run(adding(draft()), adding(urgent), claiming(START, 1)))).toEqual([urgent.key]);
  });

  it("keeps to priorities where a lane has no place for all", async () => {
    await using made = await bench();
    const urgent = draft({ priority: 5 });
    const claim = claiming(START);
    if (claim.verb !== "claim") throw new Error("it claims");
    const request = { ...claim.request, perLane: 1 };
    expect(keysOf(made.run(adding(draft(), urgent), { verb: "claim", request }))).toEqual([urgent.key]);
  });

  it("takes back no lease that is settled or renewed in time for it", async () => {
    await using made = await bench();
    const [one, two, fresh] = [draft(), draft(), draft()];
    made.run(adding(one, two));
    const [first, second] = leasesOf(made.run(claiming(START)));
    if (first === undefined || second === undefined) throw new Error("two were added");
    const answers = made.run(
      { verb: "settle", request: { ...first, next: null } },
      { verb: "renew", request: { leases: [second], until: START + 200_000 } },
      adding(fresh),
      claiming(START + 100_000),
    );
    expect(answers).toMatchObject([{ answer: true }, { answer: [true] }, { answer: { added: [true] } }, { verb: "claim" }]);
    expect(keysOf(answers)).toEqual([fresh.key]);
  });

  it("comes after what a person changed, and after a parking", async () => {
    await using made = await bench();
    const [held, parked] = [draft(), draft({ lane: "parked" })];
    const answers = made.run(
      adding(held),
      adding(parked),
      { verb: "change", request: { selection: { key: held.key }, what: "hold", now: START, after: "" } },
      { verb: "park", request: { lane: "parked", until: START + 10 } },
      claiming(START),
    );
    expect(answers[2]).toMatchObject({ answer: { changed: 1 } });
    expect(keysOf(answers)).toEqual([]);
  });

  it("gives what is due by now, and what has expired in a parked lane", async () => {
    await using made = await bench();
    made.run({ verb: "park", request: { lane: "parked", until: START + 100 } });
    const [soon, expired] = [draft({ dueAt: START + 5 }), draft({ lane: "parked", expiresAt: START + 5 })];
    expect(keysOf(made.run(adding(soon), adding(expired), claiming(START + 5))).toSorted()).toEqual([soon.key, expired.key].toSorted());
  });

  it("keeps to the limit of a lane", async () => {
    await using made = await bench();
    const [one, two, other] = [draft(), draft(), draft({ lane: "other" })];
    const claim = claiming(START);
    if (claim.verb !== "claim") throw new Error("it claims");
    const request = { ...claim.request, perLane: 1 };
    expect(keysOf(made.run(adding(one), adding(two), adding(other), { verb: "claim", request }))).toEqual([one.key, other.key]);
    expect(phases(made)).toEqual([[one.key, 2], [two.key, 1], [other.key, 2]]);
  });

  it("leaves a parked lane alone, and sends one after it as a probe", async () => {
    await using made = await bench();
    made.run(adding(draft()), { verb: "park", request: { lane: "example.net", until: START + 10 } });
    expect(keysOf(made.run(adding(draft()), claiming(START)))).toEqual([]);
    const answers = made.run(adding(draft()), claiming(START + 10));
    expect(answers.at(-1)).toMatchObject({ answer: { leases: [{ probe: true }] } });
    expect(keysOf(answers)).toHaveLength(1);
  });

  it("gives only the newest of a series", async () => {
    await using made = await bench();
    const [older, newer] = [draft({ series: "s" }), draft({ series: "s" })];
    expect(keysOf(made.run(adding(older), adding(newer), claiming(START)))).toEqual([newer.key]);
  });

  it("gives what waits, is held or is known no sooner than it would", async () => {
    await using made = await bench();
    const known = draft();
    const answers = made.run(adding(known), adding(known), adding(draft({ dueAt: START + 1 })), adding(draft({ state: "held" })), claiming(START));
    expect(keysOf(answers)).toEqual([known.key]);
  });

  it("gives what its neighbours left, where one of them fails", async () => {
    await using made = await bench();
    const good = draft();
    const answers = made.run(adding(good), adding({ ...draft(), rest: JSON.parse("null") }), claiming(START));
    expect(answers.map(({ verb }) => verb)).toEqual(["add", "failed", "claim"]);
    expect(keysOf(answers)).toEqual([good.key]);
  });
});
