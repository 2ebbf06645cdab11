import type { Content, Outcome, Receipt, Transport } from "@postroad/core";
import { narrow, receipt } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { transportChecks } from "../src/index.ts";
import { readUnlessAborted } from "../src/fake/reading.ts";
import type { Habits } from "./array.ts";
import { arraySuite, readAllOf, verdictOn } from "./array.ts";

/** What is wrong, how it comes about, which checks notice, and in what words. */
interface Mutant {
  readonly wrong: string;
  readonly checks: readonly string[];
  readonly says: RegExp;
  readonly habits: () => Habits;
}

const accepted = { kind: "accepted", status: "2.0.0", by: "array" } as const;
const refuse = (text: string) => (): Promise<never> => Promise.reject(new Error(text));

/** A transport whose send is not wrapped by anything that could put it right. */
function sending(send: (right: Transport, ...args: Parameters<Transport["send"]>) => Promise<Receipt>): () => Habits {
  return () => ({ finish: (right) => ({ ...right, send: (...args) => send(right, ...args) }) });
}

function telling(change: (outcomes: readonly Outcome[]) => readonly Outcome[]): () => Habits {
  return sending((right, ...args) => right.send(...args).then((got) => ({ ...got, outcomes: change(got.outcomes) })));
}

function reading(read: (content: Content) => Promise<Uint8Array>): () => Habits {
  return () => ({ read });
}

function hanging(habits: () => Habits): () => Habits {
  return () => ({ ...habits(), patience: 100 });
}

/** Verdicts that the compiler would not let through, as a plug-in written without it may give them. */
function untyped(verdict: object): () => Habits {
  return () => ({ verdict: () => JSON.parse(JSON.stringify({ ...accepted, ...verdict })) });
}

const ONE_EACH = ["gives one outcome per recipient, in the order of the envelope"];
const NOT_ARRIVED = /did not arrive exactly for those who were accepted/;
const TWICE = ["can be disposed twice, and takes no mail afterwards"];
const IN_FLIGHT = ["finishes what is in flight before it is disposed"];
const OTHERS = ["rejects one recipient without losing the others", "defers one recipient without losing the others"];

const shape: readonly Mutant[] = [
  { wrong: "throws", checks: ONE_EACH, says: /oops/, habits: sending(refuse("oops")) },
  {
    wrong: "hangs",
    checks: ONE_EACH,
    says: /did not settle/,
    habits: hanging(sending(() => new Promise(() => undefined))),
  },
  { wrong: "drops a recipient", checks: ONE_EACH, says: /in its order/, habits: telling((all) => all.slice(0, 1)) },
  { wrong: "reorders", checks: ONE_EACH, says: /in its order/, habits: telling((all) => all.toReversed()) },
  {
    wrong: "answers for another mail",
    checks: ONE_EACH,
    says: /about another mail/,
    habits: sending((right, mail) => right.send({ ...mail, id: "x" })),
  },
  { wrong: "contradicts itself", checks: ONE_EACH, says: /contradicts accepted/, habits: untyped({ status: "4.0.0" }) },
  { wrong: "invents a status", checks: ONE_EACH, says: /no enhanced status code/, habits: untyped({ status: "2.x" }) },
  { wrong: "invents a kind", checks: ONE_EACH, says: /no kind of outcome/, habits: untyped({ kind: "ok" }) },
  { wrong: "does not say who says so", checks: ONE_EACH, says: /"by" is empty/, habits: untyped({ by: "" }) },
  {
    wrong: "changes the mail",
    checks: ONE_EACH,
    says: /Cannot assign to read only property/,
    habits: sending((right, mail) => right.send(Object.assign(mail, narrow(mail, [])))),
  },
  {
    wrong: "has no name",
    checks: ["has a name"],
    says: /unequal to: ''/,
    habits: () => ({ finish: (right) => ({ ...right, name: "" }) }),
  },
  {
    wrong: "fails its check",
    checks: ["passes a check while it can send"],
    says: /not now/,
    habits: () => ({ finish: (right) => ({ ...right, check: refuse("not now") }) }),
  },
];

const delivery: readonly Mutant[] = [
  { wrong: "delivers to nobody", checks: ONE_EACH, says: NOT_ARRIVED, habits: () => ({ deliver: () => [] }) },
  {
    wrong: "delivers outside the envelope",
    checks: ["delivers to nobody outside the envelope"],
    says: NOT_ARRIVED,
    habits: () => ({ deliver: (to, content) => [{ to: [...to, "stranger@example.net"], content }] }),
  },
  {
    wrong: "refuses all for the sake of one",
    checks: OTHERS,
    says: /the outcomes are (\w+), \1, \1, not/,
    habits: sending(async (right, mail, options) => {
      const got = await right.send(mail, options);
      const worst = got.outcomes.find(({ kind }) => kind !== "accepted");
      return worst === undefined ? got : receipt(mail, worst);
    }),
  },
  {
    wrong: "accepts everybody",
    checks: ["says it when nobody was accepted", ...OTHERS],
    says: /the outcomes are accepted/,
    habits: () => ({ verdict: () => accepted }),
  },
  {
    wrong: "sends other bytes each time",
    checks: ["sends the same bytes every time"],
    says: /other bytes arrived/,
    habits: () => ({
      deliver: (to, content) => [
        { to, content: Buffer.concat([Buffer.from(`X-Nonce: ${Math.random()}\r\n`), content]) },
      ],
    }),
  },
  {
    wrong: "forgets to send again",
    checks: ["sends the same bytes every time"],
    says: NOT_ARRIVED,
    habits() {
      const seen = new Set<string>();
      return { deliver: (to, content, { id }) => (seen.size === seen.add(id).size ? [] : [{ to, content }]) };
    },
  },
  {
    wrong: "mixes up concurrent sends",
    checks: ["keeps concurrent sends apart"],
    says: NOT_ARRIVED,
    habits() {
      let latest: Promise<Uint8Array> = Promise.resolve(new Uint8Array(0));
      return {
        async read(content, signal) {
          latest = readUnlessAborted(content, signal);
          await turn();
          return latest;
        },
      };
    },
  },
];

const content: readonly Mutant[] = [
  {
    wrong: "eats dots",
    checks: ["takes content in any form: one chunk"],
    says: /other bytes arrived/,
    habits: () => ({
      deliver: (to, bytes) => [
        { to, content: Buffer.from(Buffer.from(bytes).toString().replaceAll("\r\n..", "\r\n.")) },
      ],
    }),
  },
  {
    wrong: "reads the first chunk only",
    checks: ["takes content in any form: single bytes"],
    says: NOT_ARRIVED,
    habits: reading(async (given) => {
      for await (const chunk of given.open()) return chunk;
      return new Uint8Array(0);
    }),
  },
  {
    wrong: "believes that every size is known",
    checks: ["takes content in any form: of unknown size"],
    says: NOT_ARRIVED,
    habits: reading(async (given) => (await readAllOf(given)).subarray(0, given.size ?? 0)),
  },
  {
    wrong: "takes an empty chunk for the end",
    checks: ["takes content in any form: with empty chunks"],
    says: NOT_ARRIVED,
    habits: reading(async (given) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of given.open()) {
        if (chunk.length === 0) break;
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    }),
  },
  {
    wrong: "reads synchronously",
    checks: ["takes content in any form: asynchronous"],
    says: /the outcomes are deferred, not accepted/,
    habits: reading(async (given) => {
      const opened = given.open();
      return Symbol.iterator in opened ? Buffer.concat([...opened]) : Promise.reject(new TypeError("not iterable"));
    }),
  },
  {
    wrong: "accepts what it could not read",
    checks: ["open() throws", "fails at once", "fails in the middle"].map(
      (how) => `settles where content cannot be read: ${how}`,
    ),
    says: /accepted what could not be read/,
    habits: () => ({ read: (given, signal) => readUnlessAborted(given, signal).catch(() => new Uint8Array(0)) }),
  },
  {
    wrong: "reads on in the background",
    checks: ["does not read the content after it has settled"],
    says: /read after send had settled/,
    habits: reading((given) => Promise.race([readAllOf(given), turn().then(() => new Uint8Array(0))])),
  },
];

const interruption: readonly Mutant[] = [
  {
    wrong: "sends what was aborted before",
    checks: ["sends nothing of a mail whose signal has aborted"],
    says: /accepted, though nothing could be sent/,
    habits: sending((right, mail) => right.send(mail)),
  },
  {
    wrong: "hides the abort",
    checks: ["stops when the signal aborts while it reads the content"],
    says: /did not settle/,
    habits: hanging(reading(readAllOf)),
  },
  {
    wrong: "sends all the same after an abort, and denies it",
    checks: ["tells what happened, whenever the signal aborts"],
    says: /deferred, which is not what happened/,
    habits: () => ({
      read: readAllOf,
      tell: (mail, got, signal) => (signal?.aborted === true ? receipt(mail, verdictOn("deferred")) : got),
    }),
  },
  {
    wrong: "takes a late abort to heart",
    checks: ["ignores an abort after it has settled"],
    says: NOT_ARRIVED,
    habits: () => ({
      finish: (right, received) => ({
        ...right,
        send(mail, options) {
          options?.signal?.addEventListener("abort", () => void received.splice(0));
          return right.send(mail, options);
        },
      }),
    }),
  },
  {
    wrong: "is disposed at once",
    checks: IN_FLIGHT,
    says: /disposed before a send had settled/,
    habits: () => ({ finish: (right) => ({ ...right, [Symbol.asyncDispose]: () => Promise.resolve() }) }),
  },
  {
    wrong: "sends after it was disposed",
    checks: TWICE,
    says: /accepted, though nothing could be sent/,
    habits: () => ({ finish: (right) => ({ ...right, [Symbol.asyncDispose]: () => Promise.resolve() }) }),
  },
  {
    wrong: "does not finish what is in flight",
    checks: IN_FLIGHT,
    says: /the outcomes are deferred, not accepted/,
    habits: () => ({
      finish(right) {
        const stop = new AbortController();
        return {
          ...right,
          send: (mail) => right.send(mail, stop),
          [Symbol.asyncDispose]() {
            stop.abort();
            return right[Symbol.asyncDispose]();
          },
        };
      },
    }),
  },
  {
    wrong: "cannot be disposed twice",
    checks: TWICE,
    says: /disposed already/,
    habits: () => ({
      finish(right) {
        let disposed = false;
        return {
          ...right,
          async [Symbol.asyncDispose]() {
            if (disposed) throw new Error("disposed already");
            disposed = true;
          },
        };
      },
    }),
  },
  {
    wrong: "passes its check after disposal",
    checks: TWICE,
    says: /check passed after disposal/,
    habits: () => ({ finish: (right) => ({ ...right, check: () => Promise.resolve() }) }),
  },
];

const mutants = [...shape, ...delivery, ...content, ...interruption];
const checks = new Map(transportChecks.map((check) => [check.name, check]));

describe("checks of a transport", () => {
  it.each([...checks.keys()])("%s: passes on a right one", async (name) => {
    await expect(checks.get(name)?.run(arraySuite())).resolves.toBeUndefined();
  });

  it.each(mutants.flatMap((mutant) => mutant.checks.map((name) => ({ ...mutant, name }))))(
    "one that $wrong is noticed by “$name”",
    async ({ habits, name, says }) => {
      await expect(checks.get(name)?.run(arraySuite(habits()))).rejects.toThrow(says);
    },
  );

  it("there is no check that cannot fail", () => {
    const failing = new Set(mutants.flatMap((mutant) => mutant.checks));
    expect([...checks.keys()].filter((name) => !failing.has(name))).toEqual([]);
  });
});

async function turn(): Promise<void> {
  await new Promise(setImmediate);
}
