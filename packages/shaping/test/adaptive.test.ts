import type { Receipt } from "@postroad/core";
import { compose, ConfigError, Refusal, receipt, transport } from "@postroad/core";
import { smtp } from "@postroad/smtp";
import { fake, testMiddleware } from "@postroad/testing";
import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import type { StandingClock } from "./support.ts";
import { adaptive } from "../src/index.ts";
import { mailTo, standingClock } from "./support.ts";

testMiddleware({ name: "adaptive", open: adaptive() });

/** Takes so many at once, each for some time, and says 421 to the others at once. */
function server(allows: number, clock: StandingClock, duration: (count: number) => number) {
  let inside = 0;
  let since = 0;
  let area = 0;
  let count = 0;
  function change(by: number): void {
    area += inside * (clock.now() - since);
    since = clock.now();
    inside += by;
  }
  const next = transport("server", async (mail) => {
    if (inside >= allows) throw new Refusal("4.7.0", "too many", { reply: { code: 421, text: "4.7.0 too many" } });
    change(1);
    count += 1;
    await new Promise<void>((resolve) => clock.after(duration(count), resolve));
    change(-1);
    return receipt(mail, { kind: "accepted", status: "2.0.0", by: "server" });
  });
  return { next, mean: () => area / clock.now() };
}

async function sendMany(allows: number, duration: (count: number) => number, options = {}) {
  const clock = standingClock();
  const { next, mean } = server(allows, clock, duration);
  const adapted = compose(adaptive({ waiting: 10_000, ...options }), next);
  const receipts: Receipt[] = [];
  const total = 2000;
  for (let sent = 0; sent < total; sent += 1) {
    void adapted.send(mailTo(`to${sent}@x.example`)).then((got) => receipts.push(got));
  }
  await clock.runUntil(() => receipts.length === total);
  const deferred = receipts.filter(({ outcomes }) => outcomes[0]?.kind === "deferred").length;
  return { mean: mean(), deferred: deferred / total };
}

describe("adaptive", () => {
  const durations = { even: () => 100, uneven: (count: number) => 20 + ((count * 7919) % 160) };

  it.each(Object.entries(durations))(
    "M18: finds a limit of five sessions, with sends of %s length: mean within one, at most a sixth deferred",
    async (_, duration) => {
      const { mean, deferred } = await sendMany(5, duration);
      expect(mean).toBeGreaterThanOrEqual(4);
      expect(mean).toBeLessThanOrEqual(6);
      expect(deferred).toBeLessThanOrEqual(1 / 6);
    },
  );

  it("M18: starts low and climbs where the destination takes more, up to its maximum", async () => {
    const { mean, deferred } = await sendMany(100, durations.even, { max: 30 });
    expect(mean).toBeGreaterThan(25);
    expect(deferred).toBe(0);
  });

  it("M18: keeps on at its minimum where the destination takes nothing", async () => {
    const changes: number[] = [];
    await sendMany(0, durations.even, { onChange: ({ concurrency }: { concurrency: number }) => changes.push(concurrency) });
    expect(changes).toEqual([3, 2, 1]);
  });

  it("M18: finds the limit of a real server that says 421 to the sixth session", async () => {
    const sessions: number[] = [];
    await using peer = await modelPeer({
      async on({ step }) {
        if (step === "greeting" && peer.connections.open > 5) return { drop: "after", reply: "421 4.7.0 too many" };
        // Time enough for the client to send as many at once as it will.
        if (step === "message") await new Promise((resolve) => setTimeout(resolve, 10));
        return undefined;
      },
      onMessage: () => sessions.push(peer.connections.open),
    });
    const client = smtp(peer.url, { security: "none", pool: 20 });
    await using adapted = compose(adaptive(), client);
    const receipts = await Promise.all(Array.from({ length: 200 }, () => adapted.send(mailTo("ann@x.example"))));
    const deferred = receipts.filter(({ outcomes }) => outcomes[0]?.kind === "deferred");
    const mean = sessions.reduce((sum, open) => sum + open, 0) / sessions.length;
    expect(deferred.length).toBeLessThanOrEqual(200 / 6);
    expect(mean).toBeGreaterThanOrEqual(4);
    expect(mean).toBeLessThanOrEqual(6);
    expect(peer.connections.most).toBeGreaterThan(5);
    expect(peer.violations).toEqual([]);
  });

  it("does not take greylisting or a recipient's refusal for congestion", async () => {
    const changes: unknown[] = [];
    const next = fake({
      "grey@x.example": { kind: "deferred", status: "4.7.1", reply: { code: 450, text: "4.7.1 greylisted" } },
      "full@x.example": { kind: "deferred", status: "4.2.2", reply: { code: 452, text: "4.2.2 full" } },
      "none@x.example": "rejected",
    });
    const adapted = compose(adaptive({ onChange: (change) => changes.push(change) }), next);
    for (const name of ["grey", "full", "none"]) await adapted.send(mailTo(`${name}@x.example`));
    expect(changes).toEqual([]);
  });

  it("cuts one destination and leaves the others", async () => {
    const changes: unknown[] = [];
    const next = fake({ "ann@x.example": { kind: "deferred", status: "4.7.28", reply: { code: 450, text: "slow down" } } });
    const adapted = compose(adaptive({ onChange: (change) => changes.push(change) }), next);
    await adapted.send(mailTo("ann@x.example", "bob@y.example"));
    expect(changes).toEqual([{ lane: "x.example", concurrency: 3 }]);
  });

  it("learns nothing from a send that was aborted", async () => {
    const changes: unknown[] = [];
    const next = fake();
    next.hold();
    const stop = new AbortController();
    const sending = compose(adaptive({ onChange: (change) => changes.push(change) }), next).send(mailTo("ann@x.example"), stop);
    await next.call(1);
    stop.abort();
    await sending;
    expect(changes).toEqual([]);
  });

  it("refuses options that are wrong or contradict each other", () => {
    const given = [{ min: 0 }, { min: 9, max: 3 }, { initial: 30 }, { maximum: 4 }];
    for (const options of given) expect(() => adaptive(options)).toThrow(ConfigError);
  });
});
