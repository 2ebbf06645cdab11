import type { Mail, Receipt, Send, SendOptions, Transport } from "@postroad/core";
import { merge, pick, receipt, wrap } from "@postroad/core";
import { describe, expect, it } from "vitest";
import type { MiddlewareSuite } from "../src/index.ts";
import { middlewareChecks } from "../src/index.ts";

interface Mutant {
  readonly wrong: string;
  readonly checks: readonly string[];
  readonly says: RegExp;
  readonly open: (next: Transport) => Transport;
  /** Where it hangs, so that the test need not wait long. */
  readonly patience?: number;
}

/** A middleware that sends to the deferred once more, right in every respect but those given. */
interface Habits {
  readonly forward?: (next: Transport, mail: Mail, options: SendOptions) => Promise<Receipt>;
  readonly left?: (mail: Mail, first: Receipt) => Mail["envelope"]["to"];
  readonly isOver?: (options: SendOptions) => boolean;
  readonly combine?: (mail: Mail, first: Receipt, second: Receipt) => Receipt;
  readonly name?: string;
}

function twice(habits: Habits = {}): (next: Transport) => Transport {
  const { forward = (next, mail, options) => next.send(mail, options), combine = merge } = habits;
  const { left = deferred, isOver = ({ signal }) => signal?.aborted === true, name = "twice" } = habits;
  return (next) => {
    const send: Send<Mail> = async (mail, options) => {
      const first = await forward(next, mail, options);
      const to = left(mail, first);
      if (to.length === 0 || isOver(options)) return first;
      return combine(mail, first, await forward(next, { ...mail, envelope: { ...mail.envelope, to } }, options));
    };
    return wrap(name, next, send);
  };
}

function deferred(mail: Mail, first: Receipt): Mail["envelope"]["to"] {
  return pick(mail, first, ({ kind }) => kind === "deferred");
}

/** The right one, with another method in place of its own. */
function but(change: (right: Transport, next: Transport) => Partial<Transport>): (next: Transport) => Transport {
  return (next) => {
    const right = twice()(next);
    return { ...right, ...change(right, next) };
  };
}

const HANDS_ON = ["hands on id, envelope and meta"];
const AGAIN = ["sends again to the deferred, and to nobody else"];
const NEVER = ["never sends again to who was accepted or rejected, and tells the last outcome"];
const ONCE = ["disposes next once"];
const SIGNAL = ["hands on the signal, and sends no more once it has aborted"];
const ASKS = ["asks next whether it can send"];
const KEEPS = ["Refusal", "TypeError"].map(
  (name) => `keeps accepted outcomes when the next attempt fails with a ${name}`,
);

const mutants: readonly Mutant[] = [
  {
    wrong: "does not print what it wraps",
    checks: ["prints as an expression around next"],
    says: /did not match/,
    open: but(() => ({ name: "twice" })),
  },
  {
    wrong: "gives the mail another id",
    checks: HANDS_ON,
    says: /strictly equal/,
    open: twice({ forward: (next, mail, options) => next.send({ ...mail, id: `${mail.id}'` }, options) }),
  },
  {
    wrong: "loses meta",
    checks: HANDS_ON,
    says: /meta tenant/,
    open: twice({ forward: (next, mail, options) => next.send({ ...mail, meta: {} }, options) }),
  },
  {
    wrong: "loses what belongs to a recipient",
    checks: HANDS_ON,
    says: /deep-equal/,
    open: twice({
      forward(next, mail, options) {
        const to = mail.envelope.to.map(({ address }) => ({ address }));
        return next.send({ ...mail, envelope: { ...mail.envelope, to } }, options);
      },
    }),
  },
  {
    wrong: "does not hand on the signal",
    checks: SIGNAL,
    says: /did not reach next/,
    open: twice({ forward: (next, mail) => next.send(mail) }),
  },
  {
    wrong: "goes on after an abort",
    checks: SIGNAL,
    says: /did not settle/,
    patience: 100,
    open: twice({
      isOver: () => false,
      forward: (next, mail, options) => next.send(mail, options.signal?.aborted === true ? {} : options),
    }),
  },
  {
    wrong: "retells outcomes in its own words",
    checks: ["hands on every fact of an outcome"],
    says: /is not what next said/,
    open: twice({
      async forward(next, mail, options) {
        const { outcomes } = await next.send(mail, options);
        return receipt(mail, (_, index) => {
          const { kind } = outcomes[index] ?? { kind: "deferred" };
          return {
            by: "twice",
            message: "",
            ...({ accepted: ACCEPTED, deferred: DEFERRED, rejected: REJECTED } as const)[kind],
          };
        });
      },
    }),
  },
  {
    wrong: "sends again to everybody",
    checks: [...NEVER, ...AGAIN],
    says: /sent to again|deep-equal/,
    open: twice({ left: (mail, first) => (deferred(mail, first).length > 0 ? mail.envelope.to : []) }),
  },
  {
    wrong: "sends again to who was rejected",
    checks: [...NEVER, ...AGAIN],
    says: /sent to again: rejected|deep-equal/,
    open: twice({ left: (mail, first) => pick(mail, first, ({ kind }) => kind !== "accepted") }),
  },
  {
    wrong: "gives up at once",
    checks: AGAIN,
    says: /the outcomes are accepted, deferred/,
    open: twice({ left: () => [] }),
  },
  {
    wrong: "forgets who was accepted before",
    checks: [...NEVER, ...KEEPS],
    says: /deferred, though next said accepted|the outcomes are deferred/,
    open: twice({ combine: (_mail, _first, second) => second }),
  },
  {
    wrong: "keeps the first outcome",
    checks: NEVER,
    says: /though next said deferred, then/,
    open: twice({ combine: (mail, first, second) => merge(mail, second, first) }),
  },
  {
    wrong: "loses doubt",
    checks: NEVER,
    says: /the doubt was lost/,
    open: but((right) => ({
      async send(mail, options) {
        const got = await right.send(mail, options);
        return {
          ...got,
          outcomes: got.outcomes.map((each) => (each.kind === "deferred" ? { ...each, uncertain: false } : each)),
        };
      },
    })),
  },
  {
    wrong: "does not ask next",
    checks: ASKS,
    says: /Missing expected rejection/,
    open: but(() => ({ check: () => Promise.resolve() })),
  },
  {
    wrong: "asks next twice",
    checks: ASKS,
    says: /next was not asked once/,
    open: but((_, next) => ({ check: () => next.check().catch(() => next.check()) })),
  },
  {
    wrong: "does not dispose next",
    checks: ONCE,
    says: /not disposed exactly once/,
    open: but(() => ({ [Symbol.asyncDispose]: () => Promise.resolve() })),
  },
  {
    wrong: "disposes next each time",
    checks: ONCE,
    says: /not disposed exactly once/,
    open: but((_, next) => ({ [Symbol.asyncDispose]: () => next[Symbol.asyncDispose]() })),
  },
  {
    wrong: "disposes next after a send",
    checks: ONCE,
    says: /while it was in use/,
    open: but((right, next) => ({
      async send(mail, options) {
        const got = await right.send(mail, options);
        await next[Symbol.asyncDispose]();
        return got;
      },
    })),
  },
];

const ACCEPTED = { kind: "accepted", status: "2.0.0" } as const;
const DEFERRED = { kind: "deferred", status: "4.0.0", message: "later" } as const;
const REJECTED = { kind: "rejected", status: "5.0.0", message: "no" } as const;

const checks = new Map(middlewareChecks.map((check) => [check.name, check]));

function suiteOf(open: MiddlewareSuite["open"], patience: number = 4000): MiddlewareSuite {
  return { open, capabilities: ["resends"], patience };
}

describe("checks of a middleware", () => {
  it.each([...checks.keys()])("%s: passes on a right one", async (name) => {
    await expect(checks.get(name)?.run(suiteOf(twice()))).resolves.toBeUndefined();
  });

  it.each(mutants.flatMap((mutant) => mutant.checks.map((name) => ({ ...mutant, name }))))(
    "one that $wrong is noticed by “$name”",
    async ({ open, name, says, patience }) => {
      await expect(checks.get(name)?.run(suiteOf(open, patience))).rejects.toThrow(says);
    },
  );

  it("there is no check that cannot fail", () => {
    const failing = new Set(mutants.flatMap((mutant) => mutant.checks));
    expect([...checks.keys()].filter((name) => !failing.has(name))).toEqual([]);
  });
});
