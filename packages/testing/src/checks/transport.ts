import assert from "node:assert/strict";
import { narrow } from "@postroad/core";
import { arrivedOf, assertArrived, assertKinds, send } from "./asserts.ts";
import type { Check, TransportSuite } from "./check.ts";
import { transportCheck } from "./check.ts";
import { interruptionChecks } from "./interruptions.ts";
import { BROKEN, FORMS, mailTo, watched } from "./mails.ts";

const sendingChecks: readonly Check<TransportSuite>[] = [
  transportCheck("has a name", [], async ({ transport }) => {
    assert.equal(typeof transport.name, "string");
    assert.notEqual(transport.name, "");
  }),

  transportCheck("gives one outcome per recipient, in the order of the envelope", [], async (bench) => {
    for (const numbers of [[0], [1, 0], [6, 2, 5, 0, 4, 1, 3]]) {
      const to = numbers.map(bench.accepted);
      const mail = mailTo(bench, to);
      assertKinds(await send(bench, mail), ...to.map(() => "accepted" as const));
      await assertArrived(bench, mail, to);
    }
  }),

  transportCheck("delivers to nobody outside the envelope", [], async (bench) => {
    const whole = mailTo(bench, [0, 1, 2].map(bench.accepted));
    const part = narrow(whole, whole.envelope.to.slice(1, 2));
    await send(bench, part);
    await assertArrived(bench, whole, [bench.accepted(1)]);
  }),

  transportCheck("rejects one recipient without losing the others", ["rejects"], async (bench) => {
    const mail = mailTo(bench, [bench.accepted(0), bench.rejected, bench.accepted(1)]);
    assertKinds(await send(bench, mail), "accepted", "rejected", "accepted");
    await assertArrived(bench, mail, [bench.accepted(0), bench.accepted(1)]);
  }),

  transportCheck("defers one recipient without losing the others", ["defers"], async (bench) => {
    const mail = mailTo(bench, [bench.deferred, bench.accepted(0), bench.accepted(1)]);
    assertKinds(await send(bench, mail), "deferred", "accepted", "accepted");
    await assertArrived(bench, mail, [bench.accepted(0), bench.accepted(1)]);
  }),

  transportCheck("says it when nobody was accepted", ["rejects"], async (bench) => {
    const mail = mailTo(bench, [bench.rejected]);
    assertKinds(await send(bench, mail), "rejected");
    await assertArrived(bench, mail, []);
  }),

  transportCheck("sends the same bytes every time", [], async (bench) => {
    const mail = mailTo(bench, [bench.accepted(0)]);
    await send(bench, mail);
    await send(bench, mail);
    await assertArrived(bench, mail, [bench.accepted(0), bench.accepted(0)]);
    const [first, second] = await arrivedOf(bench, mail);
    assert.deepEqual(first?.content, second?.content);
  }),

  ...Object.entries(FORMS).map(([name, form]) =>
    transportCheck(`takes content in any form: ${name}`, [], async (bench) => {
      const mail = mailTo(bench, [bench.accepted(0)], form);
      assertKinds(await send(bench, mail), "accepted");
      await assertArrived(bench, mail, [bench.accepted(0)]);
    }),
  ),

  ...Object.entries(BROKEN).map(([name, form]) =>
    transportCheck(`settles where content cannot be read: ${name}`, ["reads"], async (bench) => {
      const mail = mailTo(bench, [bench.accepted(0), bench.accepted(1)], form);
      const { outcomes } = await send(bench, mail);
      assert.ok(
        outcomes.every(({ kind }) => kind !== "accepted"),
        "accepted what could not be read",
      );
      const next = mailTo(bench, [bench.accepted(0)]);
      assertKinds(await send(bench, next), "accepted");
      await assertArrived(bench, next, [bench.accepted(0)]);
    }),
  ),

  transportCheck("keeps concurrent sends apart", [], async (bench) => {
    const mails = Array.from({ length: 8 }, (_, index) => mailTo(bench, [bench.accepted(index)], watched().form));
    await Promise.all(mails.map(async (mail) => assertKinds(await send(bench, mail), "accepted")));
    for (const [index, mail] of mails.entries()) await assertArrived(bench, mail, [bench.accepted(index)]);
  }),

  transportCheck("passes a check while it can send", [], async ({ transport, settled }) => {
    assert.equal(await settled("check", transport.check()), undefined);
  }),
];

/** The rules that every transport keeps. Composites run them like any other. */
export const transportChecks: readonly Check<TransportSuite>[] = [...sendingChecks, ...interruptionChecks];
