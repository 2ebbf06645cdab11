import { ConfigError } from "@postroad/core";
import { testStore } from "@postroad/testing";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { larder } from "../src/index.ts";

testStore({
  name: "larder",
  // Add "shares" once several processes may use it at once.
  capabilities: ["limits", "reopens", "processes"],
  async open(limits) {
    const folder = await mkdtemp(join(tmpdir(), "larder-"));
    const path = join(folder, "mail.jsonl");
    return {
      store: larder(path, limits),
      again: () => larder(path),
      child: ["-C", "@postroad/source", join(import.meta.dirname, "child.ts"), path],
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
    };
  },
});

describe("larder options", () => {
  it("are refused where one is missing, wrong or unknown", () => {
    expect(() => larder("")).toThrow(ConfigError);
    expect(() => larder("mail.jsonl", { maxEntries: 0 })).toThrow(ConfigError);
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => larder("mail.jsonl", { maxEntrys: 2 })).toThrow("did you mean maxEntries");
  });
});
