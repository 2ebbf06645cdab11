import { ConfigError, contentOf, envelope } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import { dkim } from "../src/index.ts";

testMiddleware({ name: "dkim", capabilities: ["resends"], open: (next) => dkim()(next) });

describe("dkim", () => {
  it("tries a deferred recipient as often as told, and no more", async () => {
    const next = fake({ "ann@example.net": "deferred" });
    await using tried = dkim({ attempts: 3 })(next);
    const content = contentOf(new TextEncoder().encode("Subject: Hello\r\n\r\n"));
    await tried.send({ id: "1", envelope: envelope("", ["ann@example.net"]), content, meta: {} });
    expect(next.calls).toHaveLength(3);
  });

  it("refuses options that are wrong or unknown", () => {
    expect(() => dkim({ attempts: 0 })).toThrow(ConfigError);
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => dkim({ attempt: 2 })).toThrow("did you mean attempts");
  });
});
