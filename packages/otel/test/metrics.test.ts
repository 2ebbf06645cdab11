import { compose } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import type { PoolUse } from "../src/index.ts";
import { names, otel } from "../src/index.ts";
import { mailTo, sdk } from "./support.ts";

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
    const rows = points.map(({ attributes, value }) => [attributes[names.OUTCOME], attributes[names.STATUS_CATEGORY], value]);
    expect(rows).toEqual([
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
    const sent = compose(otel({ ...kit.telemetry, pool, queue: () => Promise.resolve({ depth: 12, age: 1500 }) }), fake());
    const connections = await kit.points(names.POOL_CONNECTIONS);
    expect(connections.map(({ attributes, value }) => [attributes[names.POOL_STATE], value])).toEqual([
      ["idle", 2],
      ["used", 3],
      ["connecting", 1],
    ]);
    expect((await kit.points(names.POOL_WAITING))[0]?.value).toBe(7);
    expect((await kit.points(names.QUEUE_DEPTH))[0]?.value).toBe(12);
    expect((await kit.points(names.QUEUE_AGE))[0]?.value).toBe(1.5);
    await sent[Symbol.asyncDispose]();
    const before = asked;
    await kit.points(names.POOL_WAITING);
    expect(asked).toBe(before);
  });
});
