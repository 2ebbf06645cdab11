import type { Outcome, Recipient } from "@postroad/core";
import { Refusal, envelope, transport } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import type { Store } from "../src/index.ts";
import { drain, memoryStore, queue } from "../src/index.ts";
import { bench, isEmpty } from "./bench.ts";
import { DAY, HOUR, MINUTE, START, mailTo, recorder, testClock, until } from "./support.ts";

const NOTIFY: readonly Recipient["notify"][] = [
  undefined,
  "never",
  [],
  ["success"],
  ["failure"],
  ["delay"],
  ["success", "failure"],
  ["failure", "delay"],
  ["success", "failure", "delay"],
];

function asks(notify: Recipient["notify"], what: "success" | "failure" | "delay"): boolean {
  if (notify === undefined || notify.length === 0) return what !== "success";
  return notify !== "never" && notify.includes(what);
}

const relayed = { kind: "accepted", relayed: true } as const;

describe("reports", () => {
  describe.each(NOTIFY.map((notify) => ({ notify })))("B7: NOTIFY=$notify", ({ notify }) => {
    it.each([
      { what: "failure" as const, verdict: "rejected" as const, action: "failed" },
      { what: "success" as const, verdict: relayed, action: "relayed" },
      { what: "delay" as const, verdict: "deferred" as const, action: "delayed" },
    ])("of $what", async ({ what, verdict, action }) => {
      const bounce = fake({}, { name: "bounce" });
      const to = fake({ "a@y.example": verdict });
      await using work = bench(to, { bounce });
      await work.inbox.send(mailTo({ address: "a@y.example", ...(notify !== undefined && { notify }) }));
      await until(() => work.of("attempt").length === 1);
      await work.clock.advance(4 * HOUR + MINUTE);
      const sent = work.of("bounced").filter(({ bounced }) => bounced);
      expect(sent.map((event) => event.action)).toEqual(asks(notify, what) ? [action] : []);
      expect(bounce.calls).toHaveLength(sent.length);
    });
  });

  it("keeps a dead letter whose note would be cut in the middle of a character", async () => {
    const reply = { code: 550, text: "\u{1F4EA}".repeat(1000) };
    const to = fake({ "a@y.example": { kind: "rejected", reply }, "bb@y.example": { kind: "rejected", reply } });
    await using work = bench(to);
    for (const name of ["a", "bb"]) await work.inbox.send(mailTo(`${name}@y.example`));
    await until(() => work.of("dead").length === 2);
    for (const { note } of work.of("dead")) expect(note.isWellFormed()).toBe(true);
  });

  it("B7: a delay is told of where the deadline ended the attempt", async () => {
    const bounce = fake({}, { name: "bounce" });
    const to = fake();
    to.hold();
    await using work = bench(to, { bounce, deadline: HOUR, delayAfter: HOUR / 2 });
    await work.inbox.send(mailTo("a@y.example"));
    await to.call(1);
    await work.clock.advance(HOUR + MINUTE);
    await until(() => work.of("bounced").length === 1);
    expect(work.of("bounced")).toMatchObject([{ action: "delayed", bounced: true }]);
    expect(bounce.calls).toHaveLength(1);
    to.release();
  });

  it("B7, #64: a delay that a worker had no time to tell of is told of by the next", async () => {
    const store = memoryStore();
    const clock = testClock();
    const to = fake();
    to.hold();
    const options = { clock, deadline: 9 * HOUR, delayAfter: HOUR };
    const first = drain(store, to, { ...options, bounce: fake({}, { name: "bounce" }) });
    await queue(store, { now: () => clock.now() }).send(mailTo("a@y.example"));
    await to.call(1);
    await clock.advance(2 * HOUR);
    const stopped = first.stop({ within: 1000 });
    await clock.advance(1000);
    await stopped;
    const { of, onEvent } = recorder();
    const [again, bounce] = [fake({ "a@y.example": ["deferred", "accepted"] }), fake({}, { name: "bounce" })];
    await using _ = drain(store, again, { ...options, bounce, onEvent });
    await clock.advance(HOUR);
    expect(of("bounced")).toMatchObject([{ action: "delayed", bounced: true }]);
    await until(() => isEmpty(store));
  });

  it("keeps a dead letter at once where no header holds the sender's address", async () => {
    const bounce = fake({}, { name: "bounce" });
    await using work = bench(fake({ "a@y.example": "rejected" }), { bounce });
    await work.inbox.send({ ...mailTo("a@y.example"), envelope: envelope("no address@x.example", ["a@y.example"]) });
    await until(() => work.of("attempt").length === 1);
    await work.clock.advance(MINUTE);
    expect(work.of("dead")).toMatchObject([{ reason: "unreported", recipients: ["a@y.example"], note: expect.stringContaining("no address@x.example") }]);
    expect(work.of("bounced")).toMatchObject([{ bounced: false }]);
  });

  it("M36: a success is reported where the next hop will not, and only there", async () => {
    const bounce = fake({}, { name: "bounce" });
    const to = fake({ "a@y.example": relayed });
    await using work = bench(to, { bounce });
    await work.inbox.send(mailTo({ address: "a@y.example", notify: ["success"] }, { address: "b@y.example", notify: ["success"] }));
    await until(() => isEmpty(work.store));
    expect(bounce.calls).toHaveLength(1);
    expect(Buffer.from(bounce.calls[0]?.bytes ?? []).toString()).toMatch(/Action: relayed/);
    expect(work.of("bounced")).toMatchObject([{ action: "relayed", recipients: ["a@y.example"], bounced: true }]);
  });

  it("tells of a delay once, and what is too late for RFC 2852 when it is", async () => {
    const bounce = fake({}, { name: "bounce" });
    const to = fake({ "a@y.example": "deferred" });
    await using work = bench(to, { bounce, delayAfter: 2 * HOUR });
    const mail = mailTo("a@y.example");
    await work.inbox.send({ ...mail, envelope: { ...mail.envelope, deliverBy: { at: START + 20 * MINUTE, mode: "notify" } } });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("attempt").length === 2);
    await work.clock.advance(HOUR);
    expect(bounce.calls).toHaveLength(1);
    await work.clock.advance(DAY);
    expect(work.of("bounced").map(({ action, bounced }) => [action, bounced])).toEqual([
      ["delayed", true],
      ["delayed", true],
    ]);
  });

  it("M37, #63: nobody is told at the null reverse-path; an event tells", async () => {
    const bounce = fake({}, { name: "bounce" });
    const to = fake({ "a@y.example": "rejected" });
    await using work = bench(to, { bounce });
    const mail = mailTo("a@y.example");
    await work.inbox.send({ ...mail, envelope: { ...mail.envelope, from: "" } });
    await until(() => isEmpty(work.store));
    expect(bounce.calls).toHaveLength(0);
    expect(work.of("bounced")).toMatchObject([{ bounced: false, recipients: ["a@y.example"], reason: "nobody is told at the null reverse-path" }]);
  });

  it("M37, #63: a bounce that bounces ends there, through the same queue", async () => {
    const store = memoryStore();
    const to = fake({ "a@y.example": "rejected", "a@x.example": "rejected" });
    await using work = bench(to, { bounce: queue(store) }, store);
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => to.calls.length === 2);
    await until(() => isEmpty(store));
    expect(work.of("bounced").map(({ bounced }) => bounced)).toEqual([true, false]);
  });

  it("M37: a sender who cannot be told is a dead letter", async () => {
    const bounce = fake({ "a@x.example": "rejected" }, { name: "bounce" });
    const to = fake({ "a@y.example": "rejected" });
    await using work = bench(to, { bounce });
    await work.inbox.send(mailTo("a@y.example", "b@y.example"));
    await until(() => work.of("dead").length === 1);
    expect(work.of("dead")).toMatchObject([{ reason: "unreported", recipients: ["a@y.example"] }]);
    expect(await work.store.list()).toMatchObject([{ state: "dead", envelope: { to: [{ address: "a@y.example" }] } }]);
  });

  it("a dead letter never names who has the mail already", async () => {
    const bounce = fake({ "a@x.example": "deferred" }, { name: "bounce" });
    const to = fake({ "a@y.example": relayed, "b@y.example": "uncertain" });
    await using work = bench(to, { bounce, uncertain: "stop" });
    await work.inbox.send(mailTo({ address: "a@y.example", notify: ["success"] }, "b@y.example"));
    await until(() => work.of("dead").length === 1);
    expect(await work.store.list()).toMatchObject([{ state: "dead", envelope: { to: [{ address: "b@y.example" }] }, owed: [{ recipient: { address: "a@y.example" } }] }]);
  });

  it("#63: a bounce queue that is full is tried again, and the mail not delivered again", async () => {
    const bounce = fake({ "a@x.example": ["deferred", "deferred", "accepted"] }, { name: "bounce" });
    const to = fake({ "no@y.example": "rejected", "later@y.example": ["deferred", "accepted"] });
    await using work = bench(to, { bounce });
    await work.inbox.send(mailTo("no@y.example", "later@y.example"));
    await until(() => work.of("attempt").length === 1);
    expect(await work.store.list()).toMatchObject([{ owed: [{ recipient: { address: "no@y.example" }, tries: 1 }] }]);
    await work.clock.advance(30 * MINUTE);
    await until(() => isEmpty(work.store));
    expect(to.calls.map(({ recipients }) => recipients)).toEqual([["no@y.example", "later@y.example"], ["later@y.example"]]);
    expect(new Set(bounce.calls.map(({ id }) => id))).toHaveLength(1);
    expect(work.of("bounced").map(({ bounced }) => bounced)).toEqual([false, false, true]);
  });

  it("a report that nobody ever takes ends as a dead letter, which still knows whom it did not reach", async () => {
    const bounce = fake({ "a@x.example": "deferred" }, { name: "bounce" });
    const to = fake({ "a@y.example": "rejected" });
    await using work = bench(to, { bounce });
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("bounced").length === 1);
    await work.clock.advance(6 * DAY);
    await until(() => work.of("dead").length === 1);
    expect(bounce.calls).toHaveLength(30);
    expect(await work.store.list()).toMatchObject([{ state: "dead", envelope: { to: [{ address: "a@y.example" }] } }]);
  }, 60_000);

  it("a crash between the report and the settlement makes no second report", async () => {
    const store = memoryStore();
    const reports = memoryStore();
    const to = fake({ "a@y.example": "rejected" });
    const clock = testClock();
    await queue(store, { now: () => clock.now() }).send(mailTo("a@y.example"));
    // The first process dies as it settles: it writes and renews nothing any more.
    const never = (): Promise<never> => new Promise(() => undefined);
    void drain({ ...store, settle: never, renew: never }, to, { clock, bounce: queue(reports) });
    await until(async () => (await reports.list()).length === 1);
    const { of, onEvent } = recorder();
    await using _ = drain(store, to, { clock, bounce: queue(reports), onEvent });
    await clock.advance(2 * MINUTE);
    await until(() => isEmpty(store));
    expect(to.calls).toHaveLength(2);
    expect(of("bounced")).toMatchObject([{ bounced: true }]);
    expect(await reports.list()).toHaveLength(1);
  });

  it("a mail keeps its sender's wishes, and its report their tenant", async () => {
    const bounce = fake({}, { name: "bounce" });
    const to = fake({ "a@y.example": "rejected" });
    await using work = bench(to, { bounce, reportingMta: "mx.postroad.example" });
    const mail = { ...mailTo({ address: "a@y.example", originalRecipient: "rfc822;ann@z.example" }), meta: { tenant: "t", "postroad.queue.lane": "bulk" } };
    await work.inbox.send({ ...mail, envelope: { ...mail.envelope, dsn: { envid: "E1" } } });
    await until(() => isEmpty(work.store));
    const report = Buffer.from(bounce.calls[0]?.bytes ?? []).toString();
    expect(report).toContain("Original-Envelope-Id: E1");
    expect(report).toContain("Original-Recipient: rfc822; ann@z.example");
    expect(report).toContain("Reporting-MTA: dns; mx.postroad.example");
    expect(bounce.calls[0]?.meta).toEqual({ tenant: "t" });
  });

  it("delivers on where a report cannot be written, and keeps it owed", async () => {
    const store = memoryStore();
    let reads = 0;
    const unreadable: Store = {
      ...store,
      read(lease) {
        reads += 1;
        if (reads === 2) throw new Refusal("4.3.0", "the disk is gone");
        return store.read(lease);
      },
    };
    const bounce = fake({}, { name: "bounce" });
    const to = fake({ "a@y.example": "rejected" });
    await using work = bench(to, { bounce }, unreadable);
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("bounced").length === 1);
    expect(work.of("bounced")).toMatchObject([{ bounced: false, reason: "the report could not be written: the disk is gone" }]);
    await work.clock.advance(HOUR);
    await until(() => isEmpty(store));
    expect(to.calls).toHaveLength(1);
    expect(bounce.calls).toHaveLength(1);
  });

  it("keeps what was thrown out of what is written down", async () => {
    const cause = new Error("ECONNREFUSED");
    const to = transport("down", () => {
      throw new Refusal("4.4.1", "no connection", { cause, code: "ECONNREFUSED" });
    });
    await using work = bench(to);
    await work.inbox.send(mailTo("a@y.example"));
    await until(() => work.of("deferred").length === 1);
    const [entry] = await work.store.list();
    expect(entry?.last).toMatchObject([{ status: "4.4.1", diagnosis: { code: "ECONNREFUSED" } }]);
    const stored: Outcome | undefined = entry?.last[0];
    expect(stored?.kind === "deferred" && stored.diagnosis).not.toHaveProperty("cause");
  });
});
