import { fake } from "@postroad/testing";
import { expect, it } from "vitest";
import { manage } from "../src/index.ts";
import { bench, isEmpty } from "./bench.ts";
import { HOUR, START, mailTo, until } from "./support.ts";

it("lets people see, hold, release, try again, redrive and cancel", async () => {
  const to = fake({ "later@y.example": ["deferred", "accepted"], "no@z.example": ["rejected", "accepted"] });
  await using work = bench(to);
  const people = manage(work.store, { now: () => work.clock.now() });
  await work.inbox.send(mailTo("later@y.example"));
  await work.inbox.send(mailTo("no@z.example"));
  await until(() => work.of("deferred").length + work.of("dead").length === 2);

  expect(await people.stats()).toMatchObject({ waiting: 1, dead: 1, oldest: START });
  const [letter] = await people.list({ state: "dead" });
  expect(await people.get(letter?.key ?? "")).toMatchObject({ lane: "z.example", note: expect.stringContaining("5.0.0") });

  expect(await people.hold({ lane: "y.example" })).toBe(1);
  await work.clock.advance(HOUR);
  expect(to.calls).toHaveLength(2);
  expect(await people.release({ state: "held" })).toBe(1);
  await until(() => to.calls.length === 3);

  expect(await people.retryNow({ lane: "y.example" })).toBe(0);
  expect(await people.redrive({ lane: "y.example" })).toBe(0);
  expect(await people.redrive()).toBe(1);
  await until(() => isEmpty(work.store));
  expect(work.of("settled").at(-1)).toMatchObject({ lane: "z.example", outcomes: [{ kind: "accepted" }] });

  await work.worker.stop();
  await work.inbox.send(mailTo("never@y.example"));
  expect(await people.cancel({ lane: "y.example" })).toBe(1);
  expect(await people.list()).toEqual([]);
});
