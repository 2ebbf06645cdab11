import type { Middleware } from "@postroad/core";
import type { BalanceOptions } from "../src/index.ts";
import { ConfigError, compose, wrap } from "@postroad/core";
import type { Fake } from "@postroad/testing";
import { fake, testMiddleware } from "@postroad/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { balance, health } from "../src/index.ts";
import { anyScript, kinds, mailTo, people, unreachable } from "./support.ts";

testMiddleware({ name: "balance", open: (next) => balance([next]) });

const [ANN, BOB] = people;

function three(): readonly [Fake, Fake, Fake] {
  return [fake({}, { name: "a" }), fake({}, { name: "b" }), fake({}, { name: "c" })];
}

function counts(members: readonly Fake[]): readonly number[] {
  return members.map(({ calls }) => calls.length);
}

describe("balance", () => {
  it("takes each transport in turn", async () => {
    const members = three();
    await using all = balance(members);
    for (let mail = 0; mail < 4; mail += 1) await all.send(mailTo(ANN));
    expect(counts(members)).toEqual([2, 1, 1]);
    expect(all.name).toBe("balance(a b c)");
  });

  it("shares by weight, evenly mixed", async () => {
    const members = three();
    const order: string[] = [];
    await using all = balance(members, { strategy: "weighted", weights: [4, 1, 1] });
    for (let mail = 0; mail < 6; mail += 1) order.push(...(await all.send(mailTo(ANN))).outcomes.map(({ by }) => by));
    expect(order.join("")).toBe("aabaca");
    for (let mail = 0; mail < 54; mail += 1) await all.send(mailTo(ANN));
    expect(counts(members)).toEqual([40, 10, 10]);
  });

  it("takes the one with the fewest under way", async () => {
    const members = three();
    members[0].hold();
    await using all = balance(members, { strategy: "least-in-flight" });
    const slow = all.send(mailTo(ANN));
    for (let mail = 0; mail < 6; mail += 1) await all.send(mailTo(ANN));
    expect(counts(members)).toEqual([1, 3, 3]);
    members[0].release();
    await slow;
    for (let mail = 0; mail < 3; mail += 1) await all.send(mailTo(ANN));
    expect(counts(members)).toEqual([2, 4, 4]);
  });

  it("keeps the mails of a key together, and moves only those of a transport that is down", async () => {
    const members = three();
    const known = health({ failures: 1, pause: 1_000_000 });
    await using all = balance(members, { strategy: "sticky", key: ({ meta }) => meta.tenant ?? "", health: known });
    const keys = Array.from({ length: 60 }, (_, index) => `tenant ${index}`);
    const home = async (tenant: string) => {
      const [outcome] = (await all.send({ ...mailTo(ANN), meta: { tenant } })).outcomes;
      return outcome?.by;
    };
    const before = await Promise.all(keys.map(home));
    expect(await Promise.all(keys.map(home))).toEqual(before);
    // Each has a fair part: of 60 keys, a third is 20.
    for (const name of ["a", "b", "c"]) expect(before.filter((by) => by === name).length).toBeGreaterThan(8);

    known.begin(members[1], mailTo(ANN))({
      mail: "",
      outcomes: [{ kind: "deferred", status: "4.4.1", recipient: ANN, by: "b", message: "down" }],
    });
    const after = await Promise.all(keys.map(home));
    expect(after).not.toContain("b");
    expect(after.filter((by, index) => by !== before[index] && before[index] !== "b")).toEqual([]);
  });

  it("passes over who is down, and never tries a second one", async () => {
    const [down, up] = [fake({ [ANN]: unreachable }), fake({ [BOB]: unreachable })];
    await using both = balance([down, up], { health: health({ failures: 1, pause: 1_000_000 }) });
    expect(kinds(await both.send(mailTo(ANN)))).toEqual(["deferred"]);
    for (let mail = 0; mail < 3; mail += 1) expect(kinds(await both.send(mailTo(ANN)))).toEqual(["accepted"]);
    expect(counts([down, up])).toEqual([1, 3]);
  });

  it("when all are down, goes on taking each in turn", async () => {
    const members = [fake({ [ANN]: unreachable }), fake({ [ANN]: unreachable })];
    await using both = balance(members, { health: health({ failures: 1, pause: 1_000_000 }) });
    for (let mail = 0; mail < 6; mail += 1) await both.send(mailTo(ANN));
    expect(counts(members)).toEqual([3, 3]);
    expect(kinds(await both.send(mailTo(BOB)))).toEqual(["accepted"]);
  });

  it("goes back to who may have the mail, whoever's turn it is, even while that one is down", async () => {
    const members = [fake({ [ANN]: ["uncertain", unreachable, "accepted"] }, { name: "a" }), fake({}, { name: "b" })];
    await using both = balance(members, { health: health({ failures: 1, pause: 1_000_000 }) });
    const mail = mailTo(ANN);
    await both.send(mail);
    expect((await both.send(mail)).outcomes).toMatchObject([{ kind: "deferred", uncertain: true, by: "a" }]);
    expect(kinds(await both.send(mail))).toEqual(["accepted"]);
    expect(counts(members)).toEqual([3, 0]);
  });

  it("goes back there also where a layer between makes new content for each attempt", async () => {
    const members = [fake({ [ANN]: { kind: "deferred", status: "4.4.2", uncertain: true } }), fake()];
    const renewing: Middleware = (next) =>
      wrap("renewing", next, (mail, sending) => next.send({ ...mail, content: { ...mail.content } }, sending));
    await using both = compose(renewing, balance(members));
    const mail = mailTo(ANN);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect((await both.send(mail)).outcomes).toMatchObject([{ kind: "deferred", uncertain: true }]);
    }
    expect(counts(members)).toEqual([2, 0]);
  });

  it("a key that throws is our misconfiguration: nobody bounces, nobody is in doubt", async () => {
    const fail = (): never => {
      throw new TypeError("no tenant");
    };
    await using all = balance(three(), { strategy: "sticky", key: fail });
    const { outcomes } = await all.send(mailTo(ANN));
    expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.3.5" }]);
    expect(outcomes[0]).not.toHaveProperty("uncertain");
  });

  it("can send only where all of its transports can", async () => {
    const refuse = (): never => {
      throw new Error("down");
    };
    await using both = balance([fake(), fake({}, { check: refuse })]);
    await expect(both.check()).rejects.toThrow("down");
  });

  it("refuses options that do not fit", () => {
    const wrong: readonly (readonly [BalanceOptions, string])[] = [
      [{ strategy: "weighted" }, "weights must be 3 numbers"],
      [{ strategy: "weighted", weights: [1, 2] }, "weights must be 3 numbers"],
      [{ strategy: "weighted", weights: [1, 2, 0] }, "weights must be whole numbers"],
      [{ strategy: "weighted", weights: [1, 2, Number.NaN] }, "weights must be whole numbers"],
      [{ strategy: "sticky" }, "key is missing"],
      [{ weights: [1, 2, 3] }, `weights is for strategy "weighted"`],
      [{ key: () => "" }, `key is for strategy "sticky"`],
    ];
    for (const [options, message] of wrong) {
      expect(() => balance(three(), options)).toThrow(ConfigError);
      expect(() => balance(three(), options)).toThrow(message);
    }
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => balance(three(), { strategy: "roundrobin" })).toThrow("strategy must be one of round-robin");
    expect(() => balance([])).toThrow("needs at least one transport");
  });

  it("whatever they say and whoever is down: each mail goes to one, once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyScript, { minLength: 1, maxLength: 3 }),
        fc.constantFrom("round-robin", "least-in-flight"),
        async (scripts, strategy) => {
          const members = scripts.map((script) => fake(script));
          await using all = balance(members, { strategy, health: health({ failures: 1 }) });
          const sent = await Promise.all(people.map((person) => all.send(mailTo(person, ANN === person ? BOB : ANN))));
          expect(sent.every(({ outcomes }) => outcomes.length === 2)).toBe(true);
          expect(members.flatMap(({ calls }) => calls)).toHaveLength(people.length);
        },
      ),
      { numRuns: 100 },
    );
  });
});
