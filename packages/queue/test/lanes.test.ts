import type { Mail, Transport } from "@postroad/core";
import { Refusal, receipt, transport } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import { drain, memoryStore, queue, withQueueOptions } from "../src/index.ts";
import type { Store } from "../src/index.ts";
import { bench, isEmpty } from "./bench.ts";
import { DAY, HOUR, MINUTE, START, mailTo, testClock, turns, until } from "./support.ts";

interface Sluice extends Transport {
  /** Sends that wait. */
  readonly held: { readonly mail: Mail; readonly answer: (kind?: "accepted" | "throttled") => void }[];
  /** Most at once, by domain. */
  readonly most: Map<string, number>;
}

/** A transport whose sends wait until the test answers them; those that `isFree` picks are accepted at once. */
function sluice(isFree: (domain: string) => boolean = () => false): Sluice {
  const held: Sluice["held"] = [];
  const most = new Map<string, number>();
  const now = new Map<string, number>();
  const inner = transport("sluice", (mail: Mail) => {
    const domain = mail.envelope.to[0]?.address.split("@")[1] ?? "";
    now.set(domain, (now.get(domain) ?? 0) + 1);
    most.set(domain, Math.max(most.get(domain) ?? 0, now.get(domain) ?? 0));
    return new Promise((resolve) => {
      const answer = (kind: "accepted" | "throttled" = "accepted"): void => {
        now.set(domain, (now.get(domain) ?? 0) - 1);
        const reply = { code: 451, text: "4.7.28 slow down" };
        if (kind === "accepted") resolve(receipt(mail, { kind, status: "2.0.0", by: "sluice" }));
        else resolve(receipt(mail, { kind: "deferred", status: "4.7.28", by: "sluice", message: "slow down", reply }));
      };
      if (isFree(domain)) answer();
      else held.push({ mail, answer });
    });
  });
  return { ...inner, held, most };
}

async function fill(store: Store, count: number, domain: string): Promise<void> {
  const inbox = queue(store, { now: () => START });
  for (let index = 0; index < count; index += 1) await inbox.send(mailTo(`a${index}@${domain}`));
}

const noConnection = new Refusal("4.4.1", "connection refused");

describe("lanes", () => {
  it("M10: a dead host with a thousand mails is tried once per interval, and each longer", async () => {
    const times: number[] = [];
    const store = memoryStore();
    await fill(store, 1000, "dead.example");
    const to = transport("dead", () => {
      times.push((work.clock.now() - START) / MINUTE);
      throw noConnection;
    });
    await using work = bench(to, { bounce: false }, store);
    await work.clock.advance(8 * HOUR);
    // Those that were under way before anybody knew, then one mail each time.
    expect(times.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
    expect(times.slice(5)).toEqual([1, 3, 7, 15, 31, 63, 127, 255]);
    expect(work.of("parked").map(({ at, until: end }) => (end - at) / MINUTE)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 240]);
    expect(work.of("parked")[0]).toMatchObject({ lane: "dead.example", outcome: { status: "4.4.1" } });
  }, 60_000);

  it("M10: when the host is back, all of its mail goes out", async () => {
    const store = memoryStore();
    await fill(store, 300, "dead.example");
    let isDead = true;
    let delivered = 0;
    const to = transport("sometimes", (mail: Mail) => {
      if (isDead) throw noConnection;
      delivered += 1;
      return Promise.resolve(receipt(mail, { kind: "accepted", status: "2.0.0", by: "sometimes" }));
    });
    await using work = bench(to, {}, store);
    await until(() => work.of("parked").length === 1);
    isDead = false;
    await work.clock.advance(2 * MINUTE);
    await work.clock.advance(20 * MINUTE);
    await until(() => isEmpty(store));
    expect(delivered).toBe(300);
    expect(work.of("unparked")).toMatchObject([{ lane: "dead.example" }]);
  });

  it("M10: what is too old in a dead lane is given up without an attempt, and its sender hears of both", async () => {
    const store = memoryStore();
    await fill(store, 50, "dead.example");
    let attempts = 0;
    const to = transport("dead", () => {
      attempts += 1;
      throw noConnection;
    });
    const bounce = fake({}, { name: "bounce" });
    await using work = bench(to, { bounce, maxAge: DAY }, store);
    await work.clock.advance(4 * HOUR + MINUTE);
    await until(() => bounce.calls.length === 50);
    expect(work.of("bounced").every(({ action, bounced }) => action === "delayed" && bounced)).toBe(true);
    await work.clock.advance(DAY);
    await until(() => isEmpty(store));
    const failures = work.of("bounced").filter(({ action }) => action === "failed");
    expect(failures).toHaveLength(50);
    expect(work.of("expired").every(({ outcomes }) => outcomes[0]?.message.endsWith("last: connection refused") === true)).toBe(true);
    expect(attempts).toBeLessThan(25);
  }, 60_000);

  it("M10: a lane that was parked by a worker that is gone is as free as any once its host answers", async () => {
    const store = memoryStore();
    await fill(store, 30, "back.example");
    await store.park("back.example", START);
    const to = sluice();
    await using work = bench(to, {}, store);
    await until(() => to.held.length === 1);
    await turns(50);
    expect(to.held).toHaveLength(1);
    to.held.shift()?.answer();
    await until(() => to.held.length > 1);
    expect(work.of("unparked")).toMatchObject([{ lane: "back.example" }]);
    const stopped = work.worker.stop();
    for (const each of to.held.splice(0)) each.answer();
    await stopped;
  });

  it("M10: a lane that was parked by a worker that is gone is parked anew at the first failure", async () => {
    const store = memoryStore();
    await fill(store, 30, "dead.example");
    await store.park("dead.example", START);
    let attempts = 0;
    const to = transport("dead", () => {
      attempts += 1;
      throw noConnection;
    });
    await using work = bench(to, {}, store);
    await until(() => work.of("parked").length === 1);
    expect(attempts).toBe(1);
  });

  it("one lost connection parks nothing", async () => {
    const to = fake({ "a@y.example": [{ kind: "deferred", status: "4.4.2" }, "accepted"] });
    await using work = bench(to);
    await work.inbox.send(mailTo("a@y.example"));
    await work.inbox.send(mailTo("b@y.example"));
    await until(() => to.calls.length === 2);
    await work.clock.advance(2 * MINUTE);
    await until(() => isEmpty(work.store));
    expect(work.of("parked")).toEqual([]);
  });

  it("M17: a full mailbox is its own affair, a 4.7.x the destination's, 5.2.2 ends it, and hints are told", async () => {
    const diagnosis = { advice: "Publish an SPF record." };
    const to = fake({
      "full@y.example": { kind: "deferred", status: "4.2.2", reply: { code: 452, text: "4.2.2 full" } },
      "over@y.example": { kind: "rejected", status: "5.2.2", reply: { code: 552, text: "5.2.2 over quota" } },
      "spf@y.example": { kind: "rejected", status: "5.7.26", diagnosis },
    });
    await using work = bench(to, { bounce: false });
    for (const name of ["full", "over", "spf"]) await work.inbox.send(mailTo(`${name}@y.example`));
    await until(() => work.of("attempt").length === 3);
    await work.clock.advance(30 * MINUTE);
    expect(work.of("parked")).toEqual([]);
    expect(to.calls.filter(({ recipients }) => recipients[0] === "over@y.example")).toHaveLength(1);
    expect(to.calls.filter(({ recipients }) => recipients[0] === "full@y.example").length).toBeGreaterThan(3);
    expect(work.of("settled").map(({ outcomes }) => outcomes[0])).toMatchObject([{ status: "5.2.2" }, { status: "5.7.26", diagnosis }]);
  });

  it("M17, M18: a destination that says 4.7.x gets fewer at once, then nothing for a while, and others all of it", async () => {
    const to = sluice();
    const store = memoryStore();
    await fill(store, 40, "slow.example");
    await using work = bench(to, {}, store);
    await until(() => to.held.length === 5);
    to.held.shift()?.answer("throttled");
    await until(() => work.of("attempt").length === 1);
    to.held.shift()?.answer();
    await until(() => work.of("attempt").length === 2);
    await turns(50);
    expect(to.held).toHaveLength(3);
    for (const each of to.held.splice(0)) each.answer("throttled");
    await until(() => work.of("parked").length === 1);
    await work.inbox.send(mailTo("a@fast.example"));
    await until(() => to.held.length === 1);
    expect(to.held[0]?.mail.envelope.to[0]?.address).toBe("a@fast.example");
    to.held.shift()?.answer();
    const stopped = work.worker.stop();
    await stopped;
  });

  it("M18: a lane grows to perLane where its destination takes it, and not beyond", async () => {
    const to = sluice();
    const store = memoryStore();
    await fill(store, 400, "y.example");
    await using work = bench(to, { perLane: 8 }, store);
    let answered = 0;
    while (answered < 400) {
      await until(() => to.held.length > 0);
      for (const each of to.held.splice(0)) {
        each.answer();
        answered += 1;
      }
      await turns(3);
    }
    await until(() => isEmpty(store));
    expect(to.most.get("y.example")).toBe(8);
    expect(work.of("settled")).toHaveLength(400);
  });

  it("#59: a huge slow destination holds up no other, nor a new mail of its own behind the old ones", async () => {
    const to = sluice((domain) => domain !== "slow.example");
    const store = memoryStore();
    await fill(store, 5000, "slow.example");
    await fill(store, 300, "fast.example");
    await using work = bench(to, { concurrency: 30, perLane: 10, adaptive: false }, store);
    await until(() => work.of("settled").filter(({ lane }) => lane === "fast.example").length === 300);
    expect(to.held).toHaveLength(10);
    await work.inbox.send(withQueueOptions(mailTo("urgent@slow.example"), { priority: 5 }));
    to.held.shift()?.answer();
    await until(() => to.held.some(({ mail }) => mail.envelope.to[0]?.address === "urgent@slow.example"));
    expect(to.most.get("slow.example")).toBe(10);
    const stopped = work.worker.stop();
    for (const each of to.held.splice(0)) each.answer();
    await stopped;
  });

  it("keeps places for urgent mail, which slow destinations that never fail cannot take", async () => {
    const to = sluice();
    const store = memoryStore();
    for (let lane = 0; lane < 40; lane += 1) await fill(store, 1, `tarpit${lane}.example`);
    await using work = bench(to, { concurrency: 20 }, store);
    await until(() => to.held.length === 18);
    await work.clock.advance(HOUR / 4);
    expect(to.held).toHaveLength(18);
    for (const name of ["reset", "code"]) await work.inbox.send(withQueueOptions(mailTo(`a@${name}.example`), { priority: 1 }));
    await until(() => to.held.length === 20);
    expect(to.held.slice(18).map(({ mail }) => mail.envelope.to[0]?.address)).toEqual(["a@reset.example", "a@code.example"]);
    // What becomes free goes to the others, down to what is kept.
    for (const each of to.held.splice(0, 3)) each.answer();
    await until(() => to.held.length === 18);
    await work.clock.advance(MINUTE);
    expect(to.held).toHaveLength(18);
    const stopped = work.worker.stop();
    for (const each of to.held.splice(0)) each.answer();
    await stopped;
  });

  it.for([
    [{ concurrency: 1 }, 1],
    [{ concurrency: 2 }, 1],
    [{ concurrency: 25 }, 23],
    [{ concurrency: 5, reserve: 0 }, 5],
    [{ concurrency: 5, reserve: 4 }, 1],
  ] as const)("keeps a tenth of the places, or what it is told: %j", async ([options, plain]) => {
    const to = sluice();
    const store = memoryStore();
    for (let lane = 0; lane < 40; lane += 1) await fill(store, 1, `d${lane}.example`);
    await using work = bench(to, options, store);
    await until(() => to.held.length === plain);
    await work.clock.advance(MINUTE);
    expect(to.held).toHaveLength(plain);
    const stopped = work.worker.stop();
    for (const each of to.held.splice(0)) each.answer();
    await stopped;
  });

  it("refuses to keep all places", () => {
    expect(() => drain(memoryStore(), fake(), { concurrency: 5, reserve: 5 })).toThrow("must be less than concurrency");
  });

  it("perLane holds for all workers of a store together", async () => {
    const to = sluice();
    const store = memoryStore();
    await fill(store, 100, "y.example");
    const clock = testClock();
    const workers = [1, 2, 3].map(() => drain(store, to, { clock, perLane: 6, adaptive: false }));
    await until(() => to.held.length === 6);
    await turns(50);
    expect(to.held).toHaveLength(6);
    const stopped = workers.map((worker) => worker.stop());
    for (const each of to.held.splice(0)) each.answer();
    await Promise.all(stopped);
  });

  it("knows a lane by the name that a mail asks for", async () => {
    const to = sluice();
    const store = memoryStore();
    const inbox = queue(store);
    for (let index = 0; index < 30; index += 1) await inbox.send(withQueueOptions(mailTo(`a@d${index}.example`), { lane: "bulk" }));
    await using work = bench(to, { perLane: 4, adaptive: false }, store);
    await until(() => to.held.length === 4);
    await turns(50);
    expect(to.held).toHaveLength(4);
    const stopped = work.worker.stop();
    for (const each of to.held.splice(0)) each.answer();
    await stopped;
  });
});
