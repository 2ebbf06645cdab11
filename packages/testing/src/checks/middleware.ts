import type { Mail, Outcome } from "@postroad/core";
import { Refusal, narrow } from "@postroad/core";
import assert from "node:assert/strict";
import type { Around, MiddlewareSuite } from "./around.ts";
import { around, middlewareCheck } from "./around.ts";
import { assertKinds, assertNotSent } from "./asserts.ts";
import type { Check } from "./check.ts";
import { turns } from "./check.ts";
import { mailTo } from "./mails.ts";

const [A, B, C] = ["a@example.net", "b@example.net", "c@example.net"] as const;

function mail(...to: readonly string[]): Mail {
  return mailTo({ from: "sender@example.org" }, to);
}

/** What `next` said, one outcome after the other. */
function below({ calls }: Around["next"]): readonly Outcome[] {
  return calls.flatMap(({ outcomes }) => outcomes ?? []);
}

/** The rules that a middleware keeps, apart from those of `transportChecks`, which it keeps too. */
export const middlewareChecks: readonly Check<MiddlewareSuite>[] = [
  middlewareCheck("prints as an expression around next", [], async ({ outer }) => {
    assert.match(outer.name, /^[^\s()]+\(.*\bfake\b.*\)$/);
  }),

  middlewareCheck("hands on id, envelope and meta", [], async ({ next, send }) => {
    const to = [
      { address: A, notify: ["failure"] as const },
      { address: B, originalRecipient: "rfc822;x@y" },
    ];
    const sent = narrow(mail(A, B), to);
    await send(sent);
    assert.deepEqual(
      next.calls.flatMap((call) => call.mail.envelope.to),
      to,
    );
    for (const call of next.calls) assertHandedOn(sent, call.mail);
  }),

  middlewareCheck("hands on the signal, and sends no more once it has aborted", [], async ({ next, send, settled }) => {
    next.hold();
    const stop = new AbortController();
    const sending = send(mail(A, B), stop);
    const call = await settled("reaching next", next.call(1));
    stop.abort();
    await turns();
    assert.equal(call.signal?.aborted, true, "the signal did not reach next");
    assertNotSent(await sending);
    await turns();
    assert.equal(next.calls.length, 1, "it went on sending after the abort");
  }),

  middlewareCheck(
    "hands on every fact of an outcome",
    [],
    async ({ next, send }) => {
      const { outcomes } = await send(mail(A, B, C));
      for (const outcome of outcomes) {
        assertSame(
          outcome,
          below(next).findLast(({ recipient }) => recipient === outcome.recipient),
        );
      }
    },
    {
      [A]: { kind: "accepted", status: "2.1.5", ref: "queue id", remote: "mx:25", reply: { code: 250, text: "ok" } },
      [B]: { kind: "rejected", status: "5.1.1", message: "no such user", reply: { code: 550, text: "no" } },
      [C]: { kind: "deferred", status: "4.2.2", message: "full", retryAfter: 1, diagnosis: { phase: "rcpt" } },
    },
  ),

  {
    name: "never sends again to who was accepted or rejected, and tells the last outcome",
    needs: [],
    async run(suite) {
      for (const [a, b] of pairs(pairs(VERDICTS))) await around(suite, tellsTheLast, { [A]: a, [B]: b });
    },
  },

  middlewareCheck(
    "sends again to the deferred, and to nobody else",
    ["resends"],
    async ({ next, send }) => {
      assertKinds(await send(mail(A, B, C)), "accepted", "accepted", "rejected");
      assert.deepEqual(
        next.calls.map(({ recipients }) => recipients),
        [[A, B, C], [B]],
      );
      assert.deepEqual(next.calls[1]?.bytes, next.calls[0]?.bytes, "other bytes the second time");
    },
    { [B]: ["deferred", "accepted"], [C]: "rejected" },
  ),

  ...[new Refusal("4.4.2", "connection lost"), new TypeError("a bug")].map((error) =>
    middlewareCheck(
      `keeps accepted outcomes when the next attempt fails with a ${error.name}`,
      ["resends"],
      async ({ send }) => assertKinds(await send(mail(A, B)), "accepted", "deferred"),
      { [B]: "deferred" },
      {
        before({ recipients }) {
          if (recipients.length === 1) throw error;
        },
      },
    ),
  ),

  middlewareCheck(
    "asks next whether it can send",
    [],
    async ({ outer, next, settled }) => {
      await assert.rejects(settled("check", outer.check()), { status: "4.4.1" });
      assert.equal(next.checks, 1, "next was not asked once");
    },
    {},
    { check: () => Promise.reject(new Refusal("4.4.1", "down")) },
  ),

  middlewareCheck("disposes next once", [], async ({ outer, next, send, settled }) => {
    await send(mail(A));
    assert.equal(next.disposed, 0, "it disposed next while it was in use");
    await settled("dispose", outer[Symbol.asyncDispose]());
    await settled("the second dispose", outer[Symbol.asyncDispose]());
    assert.equal(next.disposed, 1, "next was not disposed exactly once");
  }),
];

const VERDICTS = ["accepted", "deferred", "uncertain", "rejected"] as const;

/** Every pair there is, with repetition. */
function pairs<T>(items: readonly T[]): readonly (readonly [T, T])[] {
  return items.flatMap((first) => items.map((second) => [first, second] as const));
}

async function tellsTheLast({ next, send }: Around): Promise<void> {
  const { outcomes } = await send(mail(A, B));
  for (const outcome of outcomes) {
    assertLast(
      outcome,
      below(next).filter(({ recipient }) => recipient === outcome.recipient),
    );
  }
}

/** Only a deferral is followed by another attempt, the last one counts, and doubt stays. */
function assertLast(outcome: Outcome, told: readonly Outcome[]): void {
  const story = told.map(({ kind }) => kind).join(", then ");
  const again = told.slice(0, -1).find(({ kind }) => kind !== "deferred");
  assert.equal(again, undefined, `${outcome.recipient} was sent to again: ${story}`);
  assert.equal(outcome.kind, told.at(-1)?.kind, `${outcome.recipient}: ${outcome.kind}, though next said ${story}`);
  const doubt = told.some((each) => each.kind === "deferred" && each.uncertain === true);
  const lost = outcome.kind === "deferred" && doubt && outcome.uncertain !== true;
  assert.ok(!lost, `${outcome.recipient}: the doubt was lost`);
}

function assertHandedOn(sent: Mail, arrived: Mail): void {
  assert.equal(arrived.id, sent.id);
  assert.equal(arrived.envelope.from, sent.envelope.from);
  for (const [key, value] of Object.entries(sent.meta)) assert.equal(arrived.meta[key], value, `meta ${key}`);
}

/** All that next said of a recipient is there. */
function assertSame(outcome: Outcome, his: Outcome | undefined): void {
  const told = new Map<string, unknown>(Object.entries(outcome));
  for (const [fact, value] of Object.entries(his ?? {})) {
    assert.deepEqual(told.get(fact), value, `${outcome.recipient}: ${fact} is not what next said`);
  }
}
