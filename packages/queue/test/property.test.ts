import type { ForAll, Mail, Outcome, Transport } from "@postroad/core";
import { mailboxKey, receipt, transport } from "@postroad/core";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Entry, Store, Worker } from "../src/index.ts";
import { drain, memoryStore, queue, withQueueOptions } from "../src/index.ts";
import type { TestClock } from "./support.ts";
import { DAY, HOUR, MINUTE, START, bytes, mailTo, testClock, turns } from "./support.ts";

/** What a peer does with an attempt: `later` and `throttled` defer, `doubt` takes the mail and loses the answer. */
type Mood = "yes" | "no" | "later" | "throttled" | "unreachable" | "doubt" | "crash";

const moods: fc.Arbitrary<Mood> = fc.constantFrom("yes", "yes", "no", "later", "throttled", "unreachable", "doubt", "crash");

interface Plan {
  readonly mails: readonly { readonly to: readonly string[]; readonly expires: boolean; readonly priority: number }[];
  readonly moods: readonly Mood[];
  /** Minutes after which a worker is killed. */
  readonly kills: readonly number[];
}

const people = ["a", "b", "c"].flatMap((name) => ["x.test", "y.test", "z.test"].map((domain) => `${name}@${domain}`));

const plans: fc.Arbitrary<Plan> = fc.record({
  mails: fc.array(fc.record({ to: fc.subarray(people, { minLength: 1 }), expires: fc.boolean(), priority: fc.integer({ min: -9, max: 9 }) }), { minLength: 1, maxLength: 6 }),
  moods: fc.array(moods, { minLength: 1, maxLength: 40 }),
  kills: fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 4 }),
});

interface Attempt {
  readonly id: string;
  readonly recipient: string;
  readonly at: number;
  readonly taken: boolean;
  readonly answered: boolean;
  readonly hash: string;
}

const verdicts: Record<"yes" | "no" | "later" | "throttled" | "unreachable" | "doubt", ForAll<Outcome>> = {
  yes: { kind: "accepted", status: "2.0.0", by: "peer" },
  no: { kind: "rejected", status: "5.1.1", by: "peer", message: "no" },
  later: { kind: "deferred", status: "4.2.2", by: "peer", message: "later", reply: { code: 452, text: "later" } },
  throttled: { kind: "deferred", status: "4.7.28", by: "peer", message: "slow", reply: { code: 451, text: "slow" } },
  unreachable: { kind: "deferred", status: "4.4.1", by: "peer", message: "no connection" },
  doubt: { kind: "deferred", status: "4.4.2", by: "peer", message: "lost", uncertain: true },
};

function calm(mood: Mood | undefined): keyof typeof verdicts {
  return mood === undefined || mood === "crash" ? "doubt" : mood;
}

/** A peer with a ledger, in a mood that changes with every recipient. After the plan is used up it takes everything. */
function peer(clock: TestClock, plan: Plan, ledger: Attempt[], isAlive: () => boolean): Transport {
  let asked = 0;
  return transport("peer", async (mail: Mail) => {
    const hash = createHash("sha256");
    for await (const chunk of mail.content.open()) hash.update(chunk);
    const digest = hash.digest("hex");
    if (!isAlive()) return new Promise(() => undefined);
    const own = mail.envelope.to.map(({ address }) => ({ address, mood: plan.moods[asked++] ?? "yes" }));
    const isCrash = own.some(({ mood }) => mood === "crash");
    for (const { address, mood } of own) {
      const taken = mood === "yes" || mood === "doubt" || mood === "crash";
      ledger.push({ id: mail.id, recipient: address, at: clock.now(), taken, answered: !isCrash && mood !== "doubt", hash: digest });
    }
    if (isCrash) throw new Error("crash");
    return receipt(mail, (_, index) => verdicts[calm(own[index]?.mood)]);
  });
}

/** What a process can see of a store: nothing any more once it is dead. */
function seenBy(store: Store, isAlive: () => boolean): Store {
  return new Proxy(store, {
    get(target, name: keyof Store) {
      if (isAlive() || name === "name" || name === "watch") return target[name];
      return () => new Promise(() => undefined);
    },
  });
}

interface Run {
  readonly ledger: readonly Attempt[];
  readonly bounced: ReadonlySet<string>;
  readonly bounces: readonly Mail[];
  readonly left: readonly Entry[];
  readonly mails: readonly Mail[];
  readonly kills: number;
}

const sha = createHash("sha256").update(bytes).digest("hex");
const CONCURRENCY = 8;

async function run(plan: Plan): Promise<Run> {
  const clock = testClock();
  const store = memoryStore({ remember: 30 * DAY });
  const ledger: Attempt[] = [];
  const bounces: Mail[] = [];
  const reports = transport("reports", (mail: Mail) => {
    if (bounces.every(({ id }) => id !== mail.id)) bounces.push(mail);
    return Promise.resolve(receipt(mail, verdicts.yes));
  });
  const lives: { isAlive: boolean }[] = [];

  function start(): Worker {
    const life = { isAlive: true };
    lives.push(life);
    const isAlive = (): boolean => life.isAlive;
    const to = peer(clock, { ...plan, moods: plan.moods.slice(ledger.length) }, ledger, isAlive);
    return drain(seenBy(store, isAlive), to, { clock, bounce: reports, concurrency: CONCURRENCY, random: () => 0, delayAfter: false, maxAge: DAY, poll: HOUR, onEvent: note });
  }

  const bounced = new Set<string>();
  function note(event: { readonly kind: string; readonly mail?: string; readonly bounced?: boolean; readonly recipients?: readonly string[] }): void {
    if (event.kind !== "bounced" || event.bounced !== true) return;
    for (const recipient of event.recipients ?? []) bounced.add(`${event.mail} ${recipient}`);
  }

  const inbox = queue(store, { now: () => clock.now() });
  const mails = plan.mails.map(({ to, expires, priority }) =>
    withQueueOptions(mailTo(...to), { priority, ...(expires && { expiresAt: START + 3 * HOUR }) }),
  );
  for (const mail of mails) expect((await inbox.send(mail)).outcomes.every(({ kind }) => kind === "accepted")).toBe(true);
  let worker = start();
  for (const minutes of plan.kills) {
    await clock.advance(minutes * MINUTE);
    const life = lives.at(-1);
    if (life !== undefined) life.isAlive = false;
    worker = start();
  }
  await clock.advance(3 * DAY);
  await turns();
  const left = await store.list({ limit: 1000 });
  await worker.stop();
  return { ledger, bounced, bounces, left, mails, kills: plan.kills.length };
}

describe("drain", () => {
  it("I1 to I7: loses nothing, invents nothing, repeats only what it may, and comes to an end", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { ledger, bounced, left, mails, kills } = await run(plan);
        const asked = new Map(mails.flatMap((mail) => mail.envelope.to.map(({ address }) => [`${mail.id} ${address}`, mail] as const)));
        // I7: nothing is left behind, and nobody had to help.
        expect(left).toEqual([]);
        let repeated = 0;
        for (const key of asked.keys()) {
          const own = ledger.filter(({ id, recipient }) => `${id} ${mailboxKey(recipient)}` === key);
          const taken = own.filter((attempt) => attempt.taken);
          // I1: everybody is delivered to, or bounced.
          expect(taken.length > 0 || bounced.has(key)).toBe(true);
          // I2: after an answer that was taken there is another attempt only where a worker was killed.
          const first = own.findIndex((attempt) => attempt.taken && attempt.answered);
          if (first !== -1) repeated += own.length - 1 - first;
          // I6: one after the other, and never after it expired.
          expect(own.every(({ at }, index) => at >= (own[index - 1]?.at ?? 0))).toBe(true);
          const expiresAt = Number(asked.get(key)?.meta["postroad.queue.expiresAt"] ?? Number.POSITIVE_INFINITY);
          expect(own.every(({ at }) => at < Math.min(expiresAt, START + DAY + HOUR))).toBe(true);
        }
        expect(repeated).toBeLessThanOrEqual(kills * CONCURRENCY * 3);
        // I3, I5: no mail and nobody that was not asked for. I4: the bytes that were queued.
        expect(ledger.every(({ id, recipient, hash }) => asked.has(`${id} ${recipient}`) && hash === sha)).toBe(true);
      }),
      { numRuns: 50 },
    );
  }, 120_000);
});
