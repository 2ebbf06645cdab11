import type { Mail } from "@postroad/core";
import { Refusal, receipt, transport } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Store } from "../src/index.ts";
import { drain, memoryStore, queue } from "../src/index.ts";
import { DAY, HOUR, mailTo, recorder, testClock } from "./support.ts";

/** What becomes of a call: nothing, but for an error; or what was asked, and an error all the same. */
type Fate = "well" | "refused" | "answer lost" | "thrown";

const fates: fc.Arbitrary<readonly Fate[]> = fc.array(fc.constantFrom<Fate>("well", "well", "refused", "answer lost", "thrown"), { maxLength: 60 });
const verdicts = fc.array(fc.constantFrom("accepted", "rejected", "deferred"), { minLength: 1, maxLength: 30 });

const methods: readonly (keyof Store)[] = ["claim", "settle", "renew", "park", "nextDue", "get"];

/** A database behind a bad line, until all fates are used up. */
function behindBadLine(inner: Store, all: readonly Fate[]): Store {
  const left = [...all];
  return new Proxy(inner, {
    get(target, name: keyof Store) {
      const method: unknown = target[name];
      if (!methods.includes(name) || typeof method !== "function") return method;
      return async (...given: unknown[]) => {
        const fate = left.shift() ?? "well";
        if (fate === "refused") throw new Refusal("4.3.0", "refused");
        const answer: unknown = await Reflect.apply(method, target, given);
        if (fate === "answer lost") throw new Refusal("4.3.0", "no answer", { uncertain: true });
        if (fate === "thrown") throw new TypeError("thrown");
        return answer;
      };
    },
  });
}

describe("a store behind a bad line", () => {
  it("#61: costs no mail, no second copy, and nobody goes untold", async () => {
    await fc.assert(
      fc.asyncProperty(fates, verdicts, fc.integer({ min: 1, max: 6 }), async (all, answers, count) => {
        const store = memoryStore({ remember: 30 * DAY });
        const clock = testClock();
        const inbox = queue(store, { now: () => clock.now() });
        const mails: Mail[] = Array.from({ length: count }, (_, index) => mailTo(`a@d${index % 3}.test`, `b@d${index % 3}.test`));
        for (const mail of mails) await inbox.send(mail);
        const accepted: string[] = [];
        let asked = 0;
        const to = transport("to", async (mail: Mail) =>
          receipt(mail, ({ address }) => {
            const kind = answers[asked++] ?? "accepted";
            if (kind === "accepted") accepted.push(`${mail.id} ${address}`);
            if (kind === "accepted") return { kind, status: "2.0.0", by: "to" };
            return kind === "rejected" ? { kind, status: "5.1.1", by: "to", message: "no" } : { kind: "deferred", status: "4.2.2", by: "to", message: "later" };
          }),
        );
        const { of, onEvent } = recorder();
        const worker = drain(behindBadLine(store, all), to, { clock, bounce: false, onEvent, random: () => 0, poll: HOUR });
        await clock.advance(2 * DAY);
        await worker.stop();
        const everybody = mails.flatMap(({ id, envelope }) => envelope.to.map(({ address }) => `${id} ${address}`)).toSorted();
        const settled = of("settled").flatMap(({ mail, outcomes }) => outcomes.map(({ recipient }) => `${mail} ${recipient}`));
        const dead = (await store.list({ limit: 1000 })).flatMap(({ mail, envelope }) => envelope.to.map(({ address }) => `${mail} ${address}`));
        // Everybody has one last word, which somebody was told, or is kept for a person: never both.
        expect([...settled, ...dead].toSorted()).toEqual(everybody);
        expect(new Set(accepted).size).toBe(accepted.length);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
