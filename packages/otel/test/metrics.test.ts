import { compose } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import { manage, memoryStore, queue } from "@postroad/queue";
import { retry } from "@postroad/retry";
import type { PoolUse, QueueUse } from "../src/index.ts";
import { countRetries, names, observePool, observeQueue, otel } from "../src/index.ts";
import { mailTo, sdk } from "./support.ts";

const queueUse: QueueUse = {
  due: 3,
  waiting: 4,
  leased: 1,
  held: 2,
  dead: 5,
  oldest: 10_000,
  bytes: 4096,
  lanes: [
    { lane: "x.example", due: 3, waiting: 0, leased: 1, held: 0, dead: 5, oldest: 11_500 },
    { lane: "ann@y.example", due: 0, waiting: 4, leased: 0, held: 2, dead: 0 },
  ],
};

type Points = Awaited<ReturnType<ReturnType<typeof sdk>["points"]>>;

function told(points: Points, ...keys: readonly string[]): readonly unknown[] {
  return points.map(({ attributes, value }) => [...keys.map((key) => attributes[key]), value]);
}

describe("observeQueue", () => {
  it("tells depth by state, age and bytes, of the queue and of its lanes, until it is disposed", async () => {
    await using kit = sdk();
    let asked = 0;
    const stats = async (): Promise<QueueUse> => {
      asked += 1;
      return queueUse;
    };
    const observation = observeQueue(stats, { meter: kit.telemetry.meter, name: "outgoing", now: () => 12_000 });
    const depths = [["due", 3], ["waiting", 4], ["leased", 1], ["held", 2], ["dead", 5]];
    expect(told(await kit.points(names.QUEUE_DEPTH), names.QUEUE_STATE)).toEqual(depths);
    expect(told(await kit.points(names.QUEUE_AGE), names.MESSAGING_DESTINATION)).toEqual([["outgoing", 2]]);
    expect(told(await kit.points(names.QUEUE_BYTES))).toEqual([[4096]]);
    expect(told(await kit.points(names.LANE_DEPTH), names.LANE, names.QUEUE_STATE)).toEqual([
      ["x.example", "due", 3], ["x.example", "leased", 1], ["x.example", "dead", 5], ["…@…", "waiting", 4], ["…@…", "held", 2],
    ]);
    expect(told(await kit.points(names.LANE_AGE), names.LANE)).toEqual([["x.example", 0.5], ["…@…", 0]]);
    observation[Symbol.dispose]();
    await observation[Symbol.asyncDispose]();
    const before = asked;
    await kit.points(names.QUEUE_DEPTH);
    expect(asked).toBe(before);
  });

  it("an empty queue has age 0, one from the future too, and one that cannot be asked keeps nobody from telling", async () => {
    await using kit = sdk();
    const empty = { due: 0, waiting: 0, leased: 0, held: 0, dead: 0, bytes: 0, lanes: [] };
    let use: () => QueueUse = () => empty;
    using _ = observeQueue(() => use(), { meter: kit.telemetry.meter, now: () => 0 });
    expect(told(await kit.points(names.QUEUE_AGE))).toEqual([[0]]);
    use = () => ({ ...empty, oldest: 5 });
    expect(told(await kit.points(names.QUEUE_AGE))).toEqual([[0]]);
    use = () => {
      throw new Error("disk");
    };
    await compose(otel(kit.telemetry), fake()).send(mailTo("ann@x.example"));
    expect(await kit.points(names.OUTCOMES)).toHaveLength(1);
  });

  it("tells of a real queue", async () => {
    await using kit = sdk();
    await using store = memoryStore();
    await using into = queue(store);
    using _ = observeQueue(() => manage(store).stats(), { meter: kit.telemetry.meter });
    await into.send(mailTo("ann@x.example", "bob@y.example"));
    const depth = await kit.points(names.QUEUE_DEPTH);
    expect(depth.reduce((sum, { value }) => sum + Number(value), 0)).toBeGreaterThan(0);
    expect(told(await kit.points(names.LANE_DEPTH), names.QUEUE_STATE)).not.toEqual([]);
  });
});

describe("observePool", () => {
  it("tells pools apart by name", async () => {
    await using kit = sdk();
    const { meter } = kit.telemetry;
    const use = { connections: 2, idle: 2, connecting: 0, waiting: 0 };
    const pools = [observePool(() => use, { meter, name: "smtp:a" }), observePool(() => ({ ...use, waiting: 3 }), { meter, name: "smtp:b" })];
    expect(told(await kit.points(names.POOL_WAITING), names.TRANSPORT)).toEqual([["smtp:a", 0], ["smtp:b", 3]]);
    for (const pool of pools) pool[Symbol.dispose]();
  });
});

describe("countRetries", () => {
  it("counts recipients that a retry tries once more, without a second otel", async () => {
    await using kit = sdk();
    const { onRetry } = countRetries({ meter: kit.telemetry.meter, name: "smtp:a" });
    const next = fake({ "ann@x.example": ["deferred", "deferred", "accepted"], "bob@x.example": ["deferred", "accepted"] });
    await using patient = compose(otel(kit.telemetry), retry(() => 1, { onRetry }), next);
    await patient.send(mailTo("ann@x.example", "bob@x.example", "cid@x.example"));
    expect(told(await kit.points(names.RETRIES), names.TRANSPORT)).toEqual([["smtp:a", 3]]);
  });

  it("counts attempts of a queue after the first", async () => {
    await using kit = sdk();
    const { onEvent } = countRetries({ meter: kit.telemetry.meter });
    const outcomes = [{}, {}];
    for (const event of [{ kind: "attempt", attempt: 1, outcomes }, { kind: "attempt", attempt: 2, outcomes }, { kind: "settled", outcomes }, { kind: "parked" }]) onEvent(event);
    expect(told(await kit.points(names.RETRIES))).toEqual([[2]]);
  });
});

describe("metrics", () => {
  it("count recipients by outcome and by category of their status", async () => {
    await using kit = sdk();
    const next = fake({
      "bob@x.example": { kind: "rejected", status: "5.1.1" },
      "cid@x.example": { kind: "deferred", status: "4.4.2", uncertain: true },
      "dan@x.example": { kind: "deferred", status: "4.2.2" },
    });
    const sent = compose(otel(kit.telemetry), next);
    for (let times = 0; times < 2; times += 1) await sent.send(mailTo("ann@x.example", "bob@x.example", "cid@x.example", "dan@x.example"));
    const points = await kit.points(names.OUTCOMES);
    const all = points.map(({ attributes, value }) => [attributes[names.OUTCOME], attributes[names.STATUS_CATEGORY], value]);
    expect(all).toEqual([
      ["accepted", "other", 2],
      ["rejected", "address", 2],
      ["uncertain", "network", 2],
      ["deferred", "mailbox", 2],
    ]);
  });

  it("tell how long sends take, in seconds", async () => {
    await using kit = sdk();
    await compose(otel(kit.telemetry), fake()).send(mailTo("ann@x.example"));
    const [point] = await kit.points(names.SEND_DURATION);
    expect(point?.attributes).toEqual({ [names.TRANSPORT]: "fake", [names.OUTCOME]: "accepted" });
    expect(point?.value).toMatchObject({ count: 1, buckets: { boundaries: expect.arrayContaining([0.005, 600]) } });
  });

  it("tell the use of pool and queue when asked, and no more once disposed", async () => {
    await using kit = sdk();
    let asked = 0;
    function pool(): PoolUse {
      asked += 1;
      return { connections: 5, idle: 2, connecting: 1, waiting: 7 };
    }
    const sent = compose(otel({ ...kit.telemetry, pool, queue: () => Promise.resolve(queueUse), consumer: "out" }), fake());
    const connections = await kit.points(names.POOL_CONNECTIONS);
    expect(connections.map(({ attributes, value }) => [attributes[names.POOL_STATE], value])).toEqual([
      ["idle", 2],
      ["used", 3],
      ["connecting", 1],
    ]);
    expect((await kit.points(names.POOL_WAITING))[0]?.value).toBe(7);
    expect((await kit.points(names.QUEUE_DEPTH))[0]).toMatchObject({ value: 3, attributes: { [names.MESSAGING_DESTINATION]: "out" } });
    await sent[Symbol.asyncDispose]();
    const before = asked;
    await kit.points(names.POOL_WAITING);
    expect(asked).toBe(before);
  });
});
