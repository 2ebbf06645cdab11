import type { Mail, Outcome } from "@postroad/core";
import { Refusal, receipt, transport } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import type { Entry, Store } from "../src/index.ts";
import { manage, memoryStore } from "../src/index.ts";
import { bench } from "./bench.ts";
import { HOUR, MINUTE, mailTo, until } from "./support.ts";

/** Keeps what it is told to keep as a database would: as text. */
function asText(inner: Store): Store {
  return { ...inner, settle: async (lease, next) => inner.settle(lease, JSON.parse(JSON.stringify(next))) };
}

/** Refuses to write what it does not like, and takes everything else. */
function picky(inner: Store, isRefused: (next: Entry) => boolean): Store {
  return {
    ...inner,
    async settle(lease, next) {
      if (next !== null && isRefused(next)) throw new TypeError("no room for this in a column");
      return inner.settle(lease, next);
    },
  };
}

/** Until another mail, which comes after the one whose result is refused, is delivered. */
async function refusedBesides(work: ReturnType<typeof bench>, refused: Mail): Promise<void> {
  await work.inbox.send(refused);
  await until(() => work.of("trouble").length === 1);
  await work.inbox.send(mailTo("good@y.example"));
  await work.clock.advance(MINUTE);
  await until(() => work.of("settled").length === 1);
}

const circle: Record<string, unknown> = {};
circle.self = circle;

/** What a transport that knows no types may put into an outcome. */
const oddities: readonly (readonly [path: string, value: unknown])[] = [
  ["retryAfter", 5n],
  ["message", circle],
  ["message", "half \ud83d"],
  ["by", Symbol("by")],
  ["remote", 25n],
  ["status", 450n],
  ["extra", circle],
  ["reply", { code: 450n, text: circle, more: circle }],
  ["reply", null],
  ["diagnosis", { phase: 1n, transcript: [1n, circle, "S: 450"], error: circle, cause: circle }],
  ["diagnosis", "none"],
];

describe("a result that cannot be written down", () => {
  it.for(oddities)("is plain data, whatever a transport puts into it: %s", async ([path, value]) => {
    const store = asText(memoryStore());
    const to = transport("to", async (mail: Mail) => {
      if (mail.id === odd.id) return receipt(mail, () => oddOne(path, value));
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "to" });
    });
    await using work = bench(to, { bounce: false }, store);
    const odd = mailTo("odd@y.example");
    await work.inbox.send(odd);
    await until(() => work.of("deferred").length === 1);
    await work.inbox.send(mailTo("plain@y.example"));
    await until(() => work.of("settled").length === 1);
    expect(work.of("trouble")).toEqual([]);
    const [entry] = await store.list();
    expect(entry?.last).toMatchObject([{ kind: "deferred", recipient: "odd@y.example" }]);
    expect(JSON.stringify(entry?.last)).not.toContain("cause");
  });

  it("has no text longer than a row should grow by", async () => {
    const long = "x".repeat(100_000);
    const to = transport("to", async (mail: Mail) =>
      receipt(mail, { kind: "deferred", status: "4.2.2", by: "to", message: long, reply: { code: 450, text: long }, diagnosis: { transcript: [long] } }),
    );
    const store = memoryStore();
    await using work = bench(to, { bounce: false }, store);
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("deferred").length === 1);
    const [entry] = await store.list();
    expect(JSON.stringify(entry?.last).length).toBeLessThan(30_000);
  });

  it("leaves its mail in doubt where the outcomes cannot even be read", async () => {
    const to = transport("to", async (mail: Mail) => {
      const outcome: Outcome = { kind: "accepted", status: "2.0.0", by: "to", recipient: "a@y.example" };
      Object.defineProperty(outcome, "ref", { enumerable: true, get: () => {
        throw new Error("no");
      } });
      return receipt(mail, () => outcome);
    });
    await using work = bench({ ...to, send: async (mail, how) => to.send(mail, how) }, { bounce: false, uncertain: "stop" }, memoryStore());
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("dead").length === 1);
    expect(work.of("dead")).toMatchObject([{ reason: "uncertain" }]);
  });

  it("is given up once the store has refused it while it took everything else, and the worker goes on", async () => {
    const bad = mailTo("bad@y.example");
    const store = picky(memoryStore(), ({ mail, state }) => mail === bad.id && state === "ready");
    const to = fake({ "bad@y.example": "deferred" });
    await using work = bench(to, { bounce: false }, store);
    await refusedBesides(work, bad);
    expect(to.calls.map(({ recipients }) => recipients[0])).toEqual(["bad@y.example", "good@y.example"]);
    expect(work.of("dead")).toMatchObject([{ reason: "unwritable", mail: bad.id, recipients: ["bad@y.example"] }]);
    expect(work.of("lost")).toMatchObject([{ mail: bad.id, outcomes: [{ kind: "deferred" }] }]);
    expect(await store.list()).toMatchObject([{ state: "dead", note: expect.stringContaining("no room for this in a column") }]);
  });

  it("#61: leaves a dead letter to nobody who has the mail, and tells of them that it is settled", async () => {
    const store = picky(memoryStore(), ({ state }) => state === "ready");
    const to = fake({ "later@y.example": ["deferred", "accepted"], "no@y.example": "rejected" });
    await using work = bench(to, { bounce: fake({}, { name: "bounce" }) }, store);
    await work.inbox.send(mailTo("has@y.example", "later@y.example", "no@y.example"));
    await until(() => work.of("trouble").length === 1);
    await work.clock.advance(MINUTE);
    await until(() => work.of("dead").length === 1);
    expect(work.of("dead")).toMatchObject([{ reason: "unwritable", recipients: ["later@y.example"] }]);
    expect(work.of("settled")).toMatchObject([{ outcomes: [{ kind: "accepted", recipient: "has@y.example" }, { recipient: "no@y.example" }] }]);
    expect(work.of("lost")).toMatchObject([{ outcomes: [{ kind: "deferred", recipient: "later@y.example" }] }]);
    await manage(store, { now: () => work.clock.now() }).redrive();
    await until(() => to.calls.length === 2);
    expect(to.calls[1]?.recipients).toEqual(["later@y.example"]);
  });

  it("#61: keeps who failed and could not be told in the dead letter", async () => {
    const store = picky(memoryStore(), ({ state }) => state === "ready");
    const to = fake({ "no@y.example": "rejected" });
    const bounce = fake({ "a@x.example": "deferred" }, { name: "bounce" });
    await using work = bench(to, { bounce }, store);
    await work.inbox.send(mailTo("has@y.example", "no@y.example"));
    await until(() => work.of("trouble").length === 1);
    await work.clock.advance(MINUTE);
    await until(() => work.of("lost").length === 1);
    expect(work.of("dead")).toMatchObject([{ recipients: ["no@y.example"] }]);
    expect(work.of("settled")).toMatchObject([{ outcomes: [{ recipient: "has@y.example" }] }]);
    expect(work.of("lost")).toMatchObject([{ outcomes: [{ kind: "rejected", recipient: "no@y.example" }] }]);
    expect(await store.list()).toMatchObject([{ state: "dead", envelope: { to: [{ address: "no@y.example" }] } }]);
    expect((await store.list())[0]).not.toHaveProperty("owed");
  });

  it("#61: leaves none where all have the mail, and only a success could not be told of", async () => {
    const store = picky(memoryStore(), ({ state }) => state === "ready");
    const to = transport("to", async (mail: Mail) => receipt(mail, { kind: "accepted", status: "2.0.0", by: "to", relayed: true }));
    await using work = bench(to, { bounce: fake({ "a@x.example": "deferred" }, { name: "bounce" }) }, store);
    await work.inbox.send(mailTo({ address: "has@y.example", notify: ["success"] }));
    await until(() => work.of("trouble").length === 1);
    await work.clock.advance(MINUTE);
    await until(() => work.of("settled").length === 1);
    expect(await store.list()).toEqual([]);
    expect(work.of("dead")).toEqual([]);
    expect(work.of("lost")).toEqual([]);
  });

  it("holds up nobody else where not even that is taken: its lease runs out", async () => {
    const bad = mailTo("bad@y.example");
    const store = picky(memoryStore(), ({ mail }) => mail === bad.id);
    const to = fake({ "bad@y.example": "deferred" });
    await using work = bench(to, { bounce: false }, store);
    await refusedBesides(work, bad);
    expect(work.of("dead")).toEqual([]);
    expect(work.of("lost")).toMatchObject([{ mail: bad.id, outcomes: [{ kind: "deferred" }] }]);
  });

  it("is tried for ever where the store is full, or takes nothing else either", async () => {
    for (const refused of [new Refusal("4.3.1", "the disk is full"), new Refusal("4.3.0", "the database is down")]) {
      let isDown = false;
      const inner = memoryStore();
      const store: Store = {
        ...inner,
        settle: (lease, next) => (isDown && next?.state === "ready" ? Promise.reject(refused) : inner.settle(lease, next)),
        renew: (leases, at) => (isDown && refused.status === "4.3.0" ? Promise.reject(refused) : inner.renew(leases, at)),
      };
      const to = fake({ "a@y.example": "deferred" });
      await using work = bench(to, { bounce: false, ttl: 86_400_000 }, store);
      isDown = true;
      await work.inbox.send(mailTo("a@y.example"));
      await until(() => work.of("trouble").length === 1);
      await work.clock.advance(HOUR);
      isDown = false;
      await work.clock.advance(MINUTE);
      await until(() => work.of("deferred").length >= 1);
      expect(work.of("dead")).toEqual([]);
      expect(work.of("lost")).toEqual([]);
    }
  });
});

/** Writes, and loses the first answer. */
function losingAnswers(inner: Store, error: Error): Store {
  let left = 1;
  return {
    ...inner,
    async settle(lease, next) {
      const isWritten = await inner.settle(lease, next);
      left -= 1;
      if (left >= 0) throw error;
      return isWritten;
    },
  };
}

const noAnswer = new Refusal("4.3.0", "the connection was lost after the commit", { uncertain: true });

describe("a result that was written, though the store answered with an error", () => {
  it.for([noAnswer, new Error("socket hang up")])("#61: is told of as what it is: %s", async (error) => {
    for (const [name, kinds] of [["has", ["settled"]], ["no", ["bounced", "settled"]], ["later", ["deferred"]]] as const) {
      const to = fake({ "later@y.example": "deferred", "no@y.example": "rejected" });
      const bounce = fake({}, { name: "bounce" });
      await using work = bench(to, { bounce }, losingAnswers(memoryStore(), error));
      await work.inbox.send(mailTo(`${name}@y.example`));
      await until(() => work.of("trouble").length === 1);
      await work.clock.advance(2000);
      await until(() => work.events.length >= 2 + kinds.length);
      expect(work.events.map(({ kind }) => kind).filter((kind) => kind !== "attempt" && kind !== "trouble")).toEqual(kinds);
      expect(bounce.calls).toHaveLength(name === "no" ? 1 : 0);
      expect(await work.store.list()).toHaveLength(name === "later" ? 1 : 0);
    }
  });

  it("#61: is lost where it was not written, and somebody else had the mail by the time of the next attempt", async () => {
    for (const isInDoubt of [true, false]) {
      const inner = memoryStore();
      const error = new Refusal("4.3.0", "no", { uncertain: isInDoubt });
      const store: Store = { ...inner, settle: () => Promise.reject(error), renew: async (leases) => leases.map(() => true) };
      const to = fake({ "a@y.example": ["deferred", "accepted"] });
      await using work = bench(to, { bounce: false, ttl: 1000 }, store);
      await work.inbox.send(mailTo("a@y.example"));
      await until(() => work.of("trouble").length === 1);
      const [other] = await inner.claim({ now: work.clock.now() + 2000, limit: 1, perLane: 1, ttl: 10_000 });
      expect(other?.entry.lapses).toBe(1);
      if (other !== undefined) await inner.settle(other, { ...other.entry, attempts: 1, dueAt: work.clock.now() + HOUR });
      store.settle = (lease, next) => inner.settle(lease, next);
      await work.clock.advance(2000);
      await until(() => work.of("lost").length === 1);
      expect(work.of("deferred")).toEqual([]);
    }
  });
});

function oddOne(path: string, value: unknown): Outcome {
  const outcome: Outcome = { kind: "deferred", status: "4.2.2", by: "to", recipient: "", message: "later" };
  Reflect.set(outcome, path, value);
  return outcome;
}
