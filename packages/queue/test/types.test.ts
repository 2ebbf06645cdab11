import type { Message, Transport } from "@postroad/core";
import { compose } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expectTypeOf, it } from "vitest";
import type { Worker } from "../src/index.ts";
import { drain, memoryStore, queue } from "../src/index.ts";

declare const provider: Transport<Message>;

describe("types", () => {
  it("a queue takes any mail, and so any message", () => {
    expectTypeOf(queue(memoryStore())).toExtend<Transport<Message>>();
    expectTypeOf(compose(queue(memoryStore()))).toEqualTypeOf<Transport>();
  });

  it("what comes out of a queue is bytes: a provider that takes fields does not compile", () => {
    const start = (): readonly Worker[] => [
      drain(memoryStore(), fake()),
      // @ts-expect-error -- a provider needs the fields of a Message
      drain(memoryStore(), provider),
    ];
    expectTypeOf(start).returns.toEqualTypeOf<readonly Worker[]>();
  });
});
