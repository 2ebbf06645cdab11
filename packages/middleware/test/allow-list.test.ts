import { compose, ConfigError } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allowList } from "../src/index.ts";
import { mailTo } from "./support.ts";

testMiddleware({ name: "allowList", open: allowList({ allow: ["@example.net"] }) });

describe("allowList", () => {
  it("sends to those on it and rejects all others", async () => {
    const next = fake();
    const sent = compose(allowList({ allow: ["ann@x.example", "@Team.example"] }), next);
    const { outcomes } = await sent.send(mailTo("ann@X.example", "Ann@x.example", "bob@team.example", "eve@sub.team.example"));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "rejected", "accepted", "rejected"]);
    expect(outcomes[3]).toMatchObject({ status: "5.7.1", by: "allowList" });
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([["ann@X.example", "bob@team.example"]]);
  });

  it("does not trouble the transport where nobody is on it", async () => {
    const next = fake();
    await compose(allowList({ allow: [] }), next).send(mailTo("ann@x.example"));
    expect(next.calls).toEqual([]);
  });

  it("sends the mail of all others to one address, once, and tells what came of it", async () => {
    const next = fake({ "all@team.example": { kind: "deferred", status: "4.2.2" } });
    const sent = compose(allowList({ allow: ["@team.example"], redirectTo: "all@team.example" }), next);
    const { outcomes } = await sent.send(mailTo("ann@x.example", "bob@team.example", "cid@y.example"));
    expect(outcomes.map(({ kind, recipient }) => [recipient, kind])).toEqual([
      ["ann@x.example", "deferred"],
      ["bob@team.example", "accepted"],
      ["cid@y.example", "deferred"],
    ]);
    expect(next.calls[0]?.recipients).toEqual(["bob@team.example", "all@team.example"]);
    await sent.send(mailTo("ann@x.example", "all@team.example"));
    expect(next.calls[1]?.recipients).toEqual(["all@team.example"]);
  });

  it("never lets anybody through who is not on it", async () => {
    const address = fc.tuple(fc.constantFrom("ann", "bob", "Ann"), fc.constantFrom("x.example", "y.example", "X.example"));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(address, { minLength: 1, selector: String }), fc.boolean(), async (pairs, redirect) => {
        const next = fake();
        const options = { allow: ["@x.example"], ...(redirect && { redirectTo: "all@team.example" }) };
        const { outcomes } = await compose(allowList(options), next).send(mailTo(...pairs.map((pair) => pair.join("@"))));
        expect(outcomes.length).toBeGreaterThan(0);
        const reached = next.calls.flatMap(({ recipients }) => recipients);
        for (const each of reached) expect(each.toLowerCase()).toMatch(/@x\.example$|^all@team\.example$/);
      }),
    );
  });

  it("refuses a list that cannot be meant", () => {
    for (const entry of ["x.example", "ann@", "", "ann @x.example"]) expect(() => allowList({ allow: [entry] })).toThrow(ConfigError);
    expect(() => allowList({ allow: [], redirectTo: "@x.example" })).toThrow(ConfigError);
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => allowList({})).toThrow("allow is missing");
  });
});
