import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import type { QueueEvent } from "../src/index.ts";
import { eventStream } from "../src/index.ts";
import { bench } from "./bench.ts";
import { mailTo } from "./support.ts";

function event(at: number): QueueEvent {
  return { kind: "unparked", at, lane: "y.example" };
}

describe("eventStream", () => {
  it("gives events as they come, to one who waits and to one who comes later", async () => {
    const stream = eventStream();
    const next = stream.next();
    stream.push(event(1));
    stream.push(event(2));
    expect((await next).value).toEqual(event(1));
    stream.end();
    const rest: unknown[] = [];
    for await (const each of stream) rest.push(each);
    expect(rest).toEqual([event(2)]);
    stream.push(event(3));
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  it("drops the oldest past its limit, and says how many", async () => {
    const stream = eventStream(3);
    for (let at = 0; at < 5000; at += 1) stream.push(event(at));
    stream.end();
    const got: unknown[] = [];
    for await (const each of stream) got.push(each);
    expect(got).toEqual([{ kind: "dropped", count: 4997 }, event(4997), event(4998), event(4999)]);
  });
});

describe("events of a worker", () => {
  it("tell a mail's story, in order, to every stream until it ends", async () => {
    const to = fake({ "a@y.example": "rejected" });
    const work = bench(to, { bounce: fake() });
    const streams = [work.worker.events(), work.worker.events()];
    await work.inbox.send(mailTo("a@y.example"));
    await Promise.all(
      streams.map(async (stream) => {
        const kinds: string[] = [];
        for await (const { kind } of stream) {
          kinds.push(kind);
          if (kind === "settled") break;
        }
        expect(kinds).toEqual(["attempt", "bounced", "settled"]);
      }),
    );
    await work.worker[Symbol.asyncDispose]();
  });

  it("end when the worker is disposed", async () => {
    const work = bench(fake());
    const stream = work.worker.events();
    await work.worker[Symbol.asyncDispose]();
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });
});
