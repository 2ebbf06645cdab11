import { compose } from "@postroad/core";
import { fake } from "@postroad/testing";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { describe, expect, it } from "vitest";
import { rateLimiterStore, throttle } from "../src/index.ts";
import { mailTo } from "./support.ts";

const bucket = { rate: 2, per: 60_000, burst: 1 };

describe("rateLimiterStore", () => {
  it("counts with rate-limiter-flexible: so many in a window, then the time until the next", async () => {
    const store = rateLimiterStore((window) => new RateLimiterMemory(window));
    expect([await store.take("x", 1, bucket), await store.take("x", 1, bucket)]).toEqual([0, 0]);
    const wait = await store.take("x", 1, bucket);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60_000);
    expect(await store.take("y", 1, bucket)).toBe(0);
  });

  it("lets a mail for more than a window holds through when the window is fresh", async () => {
    const store = rateLimiterStore((window) => new RateLimiterMemory(window));
    expect(await store.take("x", 100, bucket)).toBe(0);
    expect(await store.take("x", 1, bucket)).toBeGreaterThan(0);
  });

  it("serves throttle", async () => {
    const store = rateLimiterStore((window) => new RateLimiterMemory(window));
    const throttled = compose(throttle({ rate: 1, per: 60_000, store, waiting: 0 }), fake());
    expect((await throttled.send(mailTo("ann@x.example"))).outcomes[0]?.kind).toBe("accepted");
    const stop = new AbortController();
    const waiting = throttled.send(mailTo("bob@x.example"), stop);
    stop.abort();
    expect((await waiting).outcomes[0]?.status).toBe("4.3.2");
  });

  it("hands on what the limiter's own store throws, and refuses a limiter of another size", async () => {
    const down = rateLimiterStore(() => ({ points: 2, consume: () => Promise.reject(new Error("Redis is down")) }));
    await expect(down.take("x", 1, bucket)).rejects.toThrow("Redis is down");
    const other = rateLimiterStore(() => new RateLimiterMemory({ points: 7, duration: 1 }));
    await expect(other.take("x", 1, bucket)).rejects.toThrow("a limiter of 7 points");
  });
});
