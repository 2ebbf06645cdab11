import type { FakeScript, FakeVerdict } from "@postroad/testing";
import { fake } from "@postroad/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { backoff, retry } from "../src/index.ts";
import { fakeClock, mailTo } from "./support.ts";

const people = ["ann@x", "bob@x", "cid@y", "dan@z"];
const verdict: fc.Arbitrary<FakeVerdict> = fc.constantFrom("accepted", "deferred", "uncertain", "rejected");
const script: fc.Arbitrary<FakeScript> = fc.dictionary(fc.constantFrom(...people), fc.array(verdict, { minLength: 1, maxLength: 5 }));

it("whatever becomes of the attempts: nobody gets a second copy, nobody is lost, doubt stays", async () => {
  await fc.assert(
    fc.asyncProperty(script, fc.constantFrom("stop", "retry"), async (verdicts, uncertain) => {
      const next = fake(verdicts);
      await using tried = retry(backoff({ first: 10, until: 10_000 }), { ...fakeClock(), uncertain })(next);
      const mail = mailTo(...people);
      const { outcomes } = await tried.send(mail);
      expect(outcomes.map(({ recipient }) => recipient)).toEqual(people);
      for (const outcome of outcomes) {
        const told = next.calls.flatMap((call) => (call.outcomes ?? []).filter((o) => o.recipient === outcome.recipient));
        const doubts = told.map((each) => each.kind === "deferred" && each.uncertain === true);
        // Nobody is sent to after a verdict, nor, by default, after a doubt.
        expect(told.slice(0, -1).every(({ kind }) => kind === "deferred")).toBe(true);
        expect(uncertain === "stop" && doubts.slice(0, -1).includes(true)).toBe(false);
        expect(outcome.kind).toBe(told.at(-1)?.kind);
        const doubted = outcome.kind === "deferred" && outcome.uncertain === true;
        expect(doubted).toBe(outcome.kind === "deferred" && doubts.includes(true));
      }
    }),
    { numRuns: 300 },
  );
});
