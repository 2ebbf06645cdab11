import type { Transport } from "@postroad/core";
import { compose } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import { describe, expect, expectTypeOf, it } from "vitest";
import { adaptive, breaker, byDomain, limit, throttle, timeout } from "../src/index.ts";
import { mailTo } from "./support.ts";

const layers = [timeout(60_000), limit({ concurrency: 10 }), throttle({ rate: 1_000_000 }), breaker(), adaptive()] as const;

testMiddleware({ name: "all of shaping at once", open: (next) => compose(...layers, next) });

describe("all of shaping at once", () => {
  it("composes without annotations, prints as an expression, and sends by lanes", async () => {
    const next = fake();
    const stack = compose(...layers, breaker({ lane: byDomain }), next);
    expectTypeOf(stack).toEqualTypeOf<Transport>();
    expect(stack.name).toBe("timeout(limit(throttle(breaker(adaptive(breaker(fake))))))");
    const { outcomes } = await stack.send(mailTo("ann@x.example", "bob@y.example", "cid@x.example"));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "accepted"]);
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([["ann@x.example", "cid@x.example"], ["bob@y.example"]]);
  });
});
