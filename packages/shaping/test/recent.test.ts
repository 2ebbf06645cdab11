import { describe, expect, it } from "vitest";
import { recent, REMEMBERED } from "../src/recent.ts";

describe("recent", () => {
  it("forgets the lane not used for longest, but none in which something goes on", () => {
    let made = 0;
    const lanes = recent((lane) => {
      made += 1;
      return { lane, isIdle: lane !== "busy" };
    });
    lanes.of("busy");
    for (let lane = 0; lane < REMEMBERED; lane += 1) lanes.of(`${lane}`);
    expect(made).toBe(REMEMBERED + 1);
    lanes.of("busy");
    lanes.of("1");
    expect(made).toBe(REMEMBERED + 1);
    lanes.of("0");
    expect(made).toBe(REMEMBERED + 2);
  });
});
