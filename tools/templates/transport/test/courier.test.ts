import { ConfigError, Refusal } from "@postroad/core";
import type { ReceivedMail } from "@postroad/testing";
import { testTransport } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import { courier } from "../src/index.ts";

testTransport({
  name: "courier",
  // Add "aborts" once an abort interrupts the reading of the content.
  capabilities: ["reads", "rejects", "defers"],
  open() {
    const received: ReceivedMail[] = [];
    const transport = courier({
      take({ address }, content) {
        if (address.startsWith("rejected@")) throw new Refusal("5.1.1", "no such recipient");
        if (address.startsWith("deferred@")) throw new Refusal("4.2.2", "the letter box is full");
        received.push({ to: [address], content });
      },
    });
    return { transport, received: () => received };
  },
});

describe("courier options", () => {
  it("are refused where one is missing, wrong or unknown", () => {
    const given: readonly object[] = [{}, { take: "me" }, { take: () => undefined, tkae: 1 }];
    // @ts-expect-error JavaScript callers can pass anything
    for (const options of given) expect(() => courier(options)).toThrow(ConfigError);
  });
});
