import type { Transport } from "@postroad/core";
import { compose, ConfigError, receipt, transport } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import { limit, timeout } from "../src/index.ts";
import { mailTo, settle, standingClock } from "./support.ts";

testMiddleware({ name: "timeout", open: timeout(60_000) });

describe("timeout", () => {
  it("stops a send that takes too long, by its signal", async () => {
    const clock = standingClock();
    const next = fake();
    next.hold();
    const sending = compose(timeout(1000, { clock }), next).send(mailTo("ann@x.example"));
    await next.call(1);
    await clock.advance(999);
    expect(next.calls[0]?.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(next.calls[0]?.signal?.aborted).toBe(true);
    expect((await sending).outcomes[0]).toMatchObject({ kind: "deferred" });
    expect((await sending).outcomes[0]).not.toHaveProperty("uncertain");
    expect(clock.tasks).toBe(0);
  });

  it("says 4.4.7 and in doubt where the transport throws the signal's reason, as fetch does", async () => {
    const clock = standingClock();
    const next = transport("slow", (_, { signal }) => {
      return new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    });
    const sending = compose(timeout(1000, { clock }), next).send(mailTo("ann@x.example"));
    await clock.advance(1000);
    expect((await sending).outcomes[0]).toMatchObject({
      kind: "deferred",
      status: "4.4.7",
      message: "not sent within 1000 ms",
      uncertain: true,
    });
  });

  it("says 4.4.7 without doubt of a mail that still waited for its turn", async () => {
    const clock = standingClock();
    const next = fake();
    next.hold();
    const limited = limit({ concurrency: 1 })(next);
    const first = limited.send(mailTo("ann@x.example"));
    const second = compose(timeout(1000, { clock }), limited).send(mailTo("bob@x.example"));
    await next.call(1);
    await clock.advance(1000);
    const [outcome] = (await second).outcomes;
    expect(outcome).toMatchObject({ kind: "deferred", status: "4.4.7", message: "not sent within 1000 ms" });
    expect(outcome).not.toHaveProperty("uncertain");
    next.release();
    await first;
  });

  it("tells the outcome of a mail that was past its commit point", async () => {
    const clock = standingClock();
    const done = Promise.withResolvers<void>();
    const next = transport("committed", async (mail) => {
      await done.promise;
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "committed" });
    });
    const sending = compose(timeout(1000, { clock }), next).send(mailTo("ann@x.example"));
    await clock.advance(300_000);
    done.resolve();
    expect((await sending).outcomes[0]?.kind).toBe("accepted");
    expect(clock.tasks).toBe(0);
  });

  it("does not answer while the work goes on, until the transport has ignored its signal for the grace", async () => {
    const clock = standingClock();
    let settled = false;
    const deaf = transport("deaf", () => new Promise(() => undefined));
    const sending = compose(timeout(1000, { clock, grace: 5000 }), deaf).send(mailTo("ann@x.example"));
    void sending.then(() => (settled = true));
    await clock.advance(5999);
    expect(settled).toBe(false);
    await clock.advance(1);
    expect((await sending).outcomes[0]).toMatchObject({ kind: "deferred", status: "4.4.7", uncertain: true });
  });

  it("hands on the caller's own abort", async () => {
    const next = fake();
    next.hold();
    const stop = new AbortController();
    const sending = compose(timeout(1000, { clock: standingClock() }), next).send(mailTo("ann@x.example"), stop);
    await next.call(1);
    stop.abort();
    expect((await sending).outcomes[0]?.kind).toBe("deferred");
    await settle();
  });

  it("leaves no timer behind where the transport breaks its contract and throws", async () => {
    const clock = standingClock();
    const broken: Transport = {
      ...fake(),
      send() {
        throw new Error("thrown");
      },
    };
    const { outcomes } = await compose(timeout(1000, { clock }), broken).send(mailTo("ann@x.example"));
    expect(outcomes[0]).toMatchObject({ status: "4.3.0", uncertain: true });
    expect(clock.tasks).toBe(0);
  });

  it("refuses times that no timer can wait", () => {
    for (const time of [0, -1, 1.5, Infinity, Number.NaN, 2 ** 31]) expect(() => timeout(time)).toThrow(ConfigError);
    expect(() => timeout(1000, { grace: 0 })).toThrow("grace must be a whole number");
  });
});
