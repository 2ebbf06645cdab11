import type { Receipt, Transport } from "@postroad/core";
import { compose, ConfigError, Refusal } from "@postroad/core";
import type { FakeVerdict } from "@postroad/testing";
import { fake, testMiddleware } from "@postroad/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { breaker, byDomain } from "../src/index.ts";
import { mailTo, settle, standingClock } from "./support.ts";

testMiddleware({ name: "breaker", open: breaker() });
testMiddleware({ name: "breaker by domain", open: breaker({ lane: byDomain }) });

const unreachable: FakeVerdict = { kind: "deferred", status: "4.4.1", message: "no connection" };

function setup(verdicts: readonly FakeVerdict[], options = {}) {
  const clock = standingClock();
  const states: string[] = [];
  // Verdicts go by attempts of one mail.
  const next = fake({ "ann@x.example": verdicts });
  const onChange = ({ state }: { state: string }): void => void states.push(state);
  const broken = compose(breaker({ failures: 2, openFor: 1000, clock, onChange, ...options }), next);
  const mail = mailTo("ann@x.example");
  return { clock, states, next, broken, send: (signal = {}) => broken.send(mail, signal) };
}

describe("breaker", () => {
  it("opens after so many failures in a row, and then sends nothing", async () => {
    const { send, next, states, broken } = setup([unreachable]);
    await send();
    await send();
    expect(states).toEqual(["open"]);
    const { outcomes } = await send();
    expect(next.calls).toHaveLength(2);
    expect(outcomes[0]).toMatchObject({ kind: "deferred", status: "4.4.1", retryAfter: 1000 });
    expect(outcomes[0]).not.toHaveProperty("uncertain");
    await expect(broken.check()).rejects.toThrow(Refusal);
  });

  it("lets one try after a while, and closes where that works", async () => {
    const { send, next, states, clock, broken } = setup([unreachable, unreachable, "accepted"]);
    await send();
    await send();
    await clock.advance(1000);
    next.hold();
    const probe = send();
    await next.call(3);
    expect((await send()).outcomes[0]?.kind).toBe("deferred");
    next.release();
    expect((await probe).outcomes[0]?.kind).toBe("accepted");
    expect((await send()).outcomes[0]?.kind).toBe("accepted");
    expect(states).toEqual(["open", "half-open", "closed"]);
    await broken.check();
  });

  it("opens again where the try fails", async () => {
    const { send, next, states, clock } = setup([unreachable]);
    await send();
    await send();
    await clock.advance(1000);
    await send();
    await send();
    expect(next.calls).toHaveLength(3);
    expect(states).toEqual(["open", "half-open", "open"]);
  });

  it("learns nothing from a try that was aborted, and lets another one try", async () => {
    const { send, next, states, clock } = setup([unreachable, unreachable, "accepted"]);
    await send();
    await send();
    await clock.advance(1000);
    next.hold();
    const stop = new AbortController();
    const probe = send(stop);
    await next.call(3);
    stop.abort();
    await probe;
    next.release();
    expect((await send()).outcomes[0]?.kind).toBe("accepted");
    expect(states).toEqual(["open", "half-open", "closed"]);
  });

  it("counts failures in a row, also of sends that go on at the same time", async () => {
    const { send, states } = setup([unreachable, "accepted", unreachable, unreachable]);
    await send();
    await send();
    await send();
    expect(states).toEqual([]);
    const together = setup([unreachable]);
    await Promise.all([together.send(), together.send()]);
    expect(together.states).toEqual(["open"]);
  });

  it("learns nothing from what never got there: a full line, or a mail that cannot be signed", async () => {
    const ours: readonly FakeVerdict[] = [{ kind: "deferred", status: "4.3.0" }, { kind: "rejected", status: "5.6.0" }];
    const row = setup([unreachable, ...ours, unreachable]);
    for (let times = 0; times < 4; times += 1) await row.send();
    expect(row.states).toEqual(["open"]);
    const probing = setup([unreachable, unreachable, ...ours, "accepted"]);
    await probing.send();
    await probing.send();
    await probing.clock.advance(1000);
    await probing.send();
    await probing.send();
    expect(probing.states).toEqual(["open", "half-open"]);
    await probing.send();
    expect(probing.states).toEqual(["open", "half-open", "closed"]);
  });

  it("keeps the place of a try for the next one where the transport breaks its contract and throws", async () => {
    const clock = standingClock();
    const states: string[] = [];
    const broken: readonly (() => Promise<Receipt>)[] = [
      () => Promise.reject(new Error("rejected")),
      () => {
        throw new Error("thrown");
      },
    ];
    const next = fake({ "ann@x.example": [unreachable, "accepted"] });
    let sends = 0;
    const loose: Transport = { ...next, send: (mail, how) => (sends += 1, broken[sends - 2] ?? (() => next.send(mail, how)))() };
    const options = { failures: 1, openFor: 1000, clock, onChange: ({ state }: { state: string }) => void states.push(state) };
    const sent = compose(breaker(options), loose);
    const mail = mailTo("ann@x.example");
    await sent.send(mail);
    await clock.advance(1000);
    for (const _ of broken) expect((await sent.send(mail)).outcomes[0]).toMatchObject({ status: "4.3.0", uncertain: true });
    expect((await sent.send(mail)).outcomes[0]?.kind).toBe("accepted");
    expect(states).toEqual(["open", "half-open", "closed"]);
  });

  it("never opens on what a server says of a mail or a recipient", async () => {
    const reply = fc.record({ code: fc.integer({ min: 400, max: 499 }).filter((code) => code !== 421), text: fc.string() });
    const status = fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 30 }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.constant(undefined), fc.tuple(reply, status)), { minLength: 5, maxLength: 9 }), async (said) => {
        const verdicts = said.map((each): FakeVerdict => {
          if (each === undefined) return { kind: "rejected", status: "5.4.1" };
          return { kind: "deferred", status: `4.${each[1][0]}.${each[1][1]}`, reply: each[0] };
        });
        const { send, states } = setup(verdicts);
        for (const _ of verdicts) await send();
        expect(states).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it("never opens on a recipient that a route has no place for", async () => {
    const { send, states, next } = setup([{ kind: "deferred", status: "4.3.5", message: "no route for x.example" }]);
    for (let times = 0; times < 3; times += 1) await send();
    expect(states).toEqual([]);
    expect(next.calls).toHaveLength(3);
  });

  it("opens on 421, and on a 5xx that was said to us and not of the mail", async () => {
    for (const code of [421, 554]) {
      const { send, states } = setup([{ kind: "deferred", status: "4.7.0", reply: { code, text: "go away" } }]);
      await send();
      await send();
      expect(states).toEqual(["open"]);
    }
  });

  it("does not count a mail of which one recipient got an answer", async () => {
    const next = fake({ "ann@x.example": unreachable, "bob@x.example": { kind: "deferred", reply: { code: 450, text: "" } } });
    const broken = compose(breaker({ failures: 1, clock: standingClock() }), next);
    await broken.send(mailTo("ann@x.example", "bob@x.example"));
    await broken.send(mailTo("ann@x.example", "bob@x.example"));
    expect(next.calls).toHaveLength(2);
  });

  it("keeps a circuit for each lane", async () => {
    const next = fake({ "ann@x.example": unreachable });
    const broken = compose(breaker({ failures: 1, lane: byDomain, clock: standingClock() }), next);
    await broken.send(mailTo("ann@x.example"));
    const { outcomes } = await broken.send(mailTo("ann@x.example", "bob@y.example"));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["deferred", "accepted"]);
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([["ann@x.example"], ["bob@y.example"]]);
  });

  it("keeps the outcome where onChange throws, and warns", async () => {
    const { send } = setup([unreachable], {
      failures: 1,
      onChange() {
        throw new Error("no log");
      },
    });
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    expect((await send()).outcomes[0]).toMatchObject({ status: "4.4.1", message: "no connection" });
    expect((await warned).message).toContain("no log");
    await settle();
  });

  it("refuses options that are wrong or unknown", () => {
    const given = [{ failures: 0 }, { openFor: 2 ** 31 }, { halfOpen: 0 }, { failure: 1 }];
    for (const options of given) expect(() => breaker(options)).toThrow(ConfigError);
  });
});
