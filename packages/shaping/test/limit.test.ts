import { compose, ConfigError, merge } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byDomain, limit } from "../src/index.ts";
import { mailTo, settle } from "./support.ts";

testMiddleware({ name: "limit", open: limit({ concurrency: 1 }) });
testMiddleware({ name: "limit by domain", open: limit({ concurrency: 1, lane: byDomain }) });

describe("limit", () => {
  it("sends so many at once, and the others in the order they came", async () => {
    const next = fake();
    next.hold();
    const limited = compose(limit({ concurrency: 2 }), next);
    const mails = Array.from({ length: 5 }, () => mailTo("ann@x.example"));
    const sends = mails.map((mail) => limited.send(mail));
    await next.call(2);
    await settle();
    expect(next.calls).toHaveLength(2);
    next.release();
    await Promise.all(sends);
    expect(next.calls.map(({ id }) => id)).toEqual(mails.map(({ id }) => id));
  });

  it("defers with 4.3.0 what finds the line full", async () => {
    const next = fake();
    next.hold();
    const limited = compose(limit({ concurrency: 1, waiting: 1 }), next);
    const sends = [1, 2, 3].map(() => limited.send(mailTo("ann@x.example")));
    expect((await sends[2])?.outcomes[0]).toMatchObject({ kind: "deferred", status: "4.3.0" });
    next.release();
    const kinds = (await Promise.all(sends)).map(({ outcomes }) => outcomes[0]?.kind);
    expect(kinds).toEqual(["accepted", "accepted", "deferred"]);
  });

  it("lets one that waits step out when its signal aborts, and keeps its place for nobody", async () => {
    const next = fake();
    next.hold();
    const limited = compose(limit({ concurrency: 1, waiting: 2 }), next);
    const stop = new AbortController();
    const first = limited.send(mailTo("ann@x.example"));
    const second = limited.send(mailTo("bob@x.example"), stop);
    await next.call(1);
    stop.abort();
    expect((await second).outcomes[0]).toMatchObject({ kind: "deferred", status: "4.3.2" });
    expect((await second).outcomes[0]).not.toHaveProperty("uncertain");
    const others = [limited.send(mailTo("cid@x.example")), limited.send(mailTo("dan@x.example"))];
    next.release();
    const kinds = (await Promise.all([first, ...others])).map(({ outcomes }) => outcomes[0]?.kind);
    expect(kinds).toEqual(["accepted", "accepted", "accepted"]);
    expect(next.calls.map(({ recipients }) => recipients[0])).not.toContain("bob@x.example");
  });

  it("limits each lane by itself, and sends a mail for several once for each", async () => {
    const next = fake({ "cid@y.example": "rejected" });
    next.hold();
    const limited = compose(limit({ concurrency: 1, lane: byDomain }), next);
    const held = limited.send(mailTo("ann@x.example"));
    const mail = mailTo("bob@x.example", "cid@Y.example", "dan@y.example");
    const split = limited.send(mail);
    await next.call(2);
    await settle();
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([
      ["ann@x.example"],
      ["cid@Y.example", "dan@y.example"],
    ]);
    next.release();
    await held;
    expect((await split).outcomes.map(({ kind }) => kind)).toEqual(["accepted", "rejected", "accepted"]);
  });

  it("loses no lane's outcomes where another one finds the line full", async () => {
    const next = fake();
    next.hold();
    const limited = compose(limit({ concurrency: 1, waiting: 0, lane: byDomain }), next);
    const held = limited.send(mailTo("ann@x.example"));
    const split = limited.send(mailTo("bob@x.example", "cid@y.example"));
    next.release();
    expect((await split).outcomes.map(({ kind }) => kind)).toEqual(["deferred", "accepted"]);
    await held;
  });

  it("never exceeds its limit, whatever comes, ends and aborts when", async () => {
    const steps = fc.array(fc.oneof(fc.constant("send"), fc.constant("end"), fc.nat(20)), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (plan, concurrency) => {
        const open: (() => void)[] = [];
        const stops: AbortController[] = [];
        const sends: Promise<unknown>[] = [];
        let inside = 0;
        let most = 0;
        const next = fake(
          {},
          {
            read: false,
            async before() {
              inside += 1;
              most = Math.max(most, inside);
              await new Promise<void>((resolve) => open.push(resolve));
              inside -= 1;
            },
          },
        );
        const limited = compose(limit({ concurrency, waiting: 10 }), next);
        for (const step of plan) {
          if (step === "send") {
            const stop = new AbortController();
            stops.push(stop);
            sends.push(limited.send(mailTo("ann@x.example"), stop));
          } else if (step === "end") open.shift()?.();
          else if (typeof step === "number") stops[step]?.abort();
          await Promise.resolve();
        }
        let left = sends.length;
        for (const send of sends) void send.then(() => (left -= 1));
        while (left > 0) {
          open.shift()?.();
          await settle();
        }
        expect(most).toBeLessThanOrEqual(concurrency);
      }),
      { numRuns: 50 },
    );
  });

  it("refuses options that are missing, wrong or unknown", () => {
    // @ts-expect-error JavaScript callers can pass anything
    for (const options of [{}, { concurrency: 0 }, { concurrency: 1, wating: 2 }]) expect(() => limit(options)).toThrow(ConfigError);
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => limit({ concurrency: 1, wating: 2 })).toThrow("did you mean waiting?");
  });

  it("reports on everybody where a mail has nobody", async () => {
    const limited = compose(limit({ concurrency: 1, lane: byDomain }), fake());
    const mail = mailTo("ann@x.example");
    const nobody = { ...mail, envelope: { ...mail.envelope, to: [] } };
    expect(await limited.send(nobody)).toEqual(merge(nobody));
  });
});
