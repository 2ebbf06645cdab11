import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { patience } from "../src/patience.ts";

describe("patience", () => {
  it("U21: gives what begins together one signal, and what begins later another", async () => {
    const reason = new Error("too long");
    const signal = patience(100, () => reason);
    const first = signal();
    expect(signal()).toBe(first);
    expect(first.aborted).toBe(false);
    // The timer alone does not keep a process alive.
    const alive = setInterval(() => undefined, 1000);
    await once(first, "abort");
    clearInterval(alive);
    expect(first.reason).toBe(reason);
    expect(signal()).not.toBe(first);
    expect(signal().aborted).toBe(false);
  });
});
