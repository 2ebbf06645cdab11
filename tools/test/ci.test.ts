import { spawnSync } from "node:child_process";
import { chmod } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../lib/workspace.ts";
import { folder } from "./fixture.ts";

/** What a script of package.json does: the counts it reports, one string a test run, and its exit code. */
interface Script {
  readonly counts?: readonly string[];
  readonly code?: number;
}

/** Runs .ci/run with an npx that only acts as told, and with a standard input that would hang whoever reads it. */
async function ci(
  scripts: Readonly<Record<string, Script>>,
): Promise<{ readonly closing: string; readonly status: number | null }> {
  const cases = Object.entries(scripts).map(([name, { counts = [], code = 0 }]) => {
    const lines = counts.map((line) => `echo "${line}" >> "$POSTROAD_TEST_COUNTS"`);
    return `"-y pnpm@12.21.0 ${name}") ${[...lines, `exit ${code}`].join("; ")};;`;
  });
  await using bin = await folder({ npx: `#!/bin/sh\ncase "$*" in\n${cases.join("\n")}\nesac\nexit 0\n` });
  await chmod(join(bin.path, "npx"), 0o755);
  const env = { ...process.env, PATH: `${bin.path}${delimiter}${process.env.PATH ?? ""}` };
  const { status, stdout } = spawnSync("bash", [join(root, ".ci", "run")], { env, encoding: "utf8" });
  return { closing: stdout.trimEnd().split("\n").at(-1) ?? "", status };
}

const green = {
  test: { counts: ["10 0 1"] },
  "test:node26": { counts: ["10 0 2"] },
  "test:runtimes": { counts: ["3 0 0", "4 0 1"] },
  "test:interop": { counts: ["5 0 0"] },
};

describe(".ci/run", () => {
  it("closes with the sums over all runs", async () => {
    expect(await ci(green)).toEqual({ closing: "32 passed, 0 failed, 4 skipped", status: 0 });
  });

  it("fails and goes on where a test fails", async () => {
    const { closing, status } = await ci({ ...green, test: { counts: ["9 1 0"], code: 1 } });
    expect(closing).toBe("31 passed, 1 failed, 3 skipped");
    expect(status).not.toBe(0);
  });

  it.for([
    ["the types, before any test ran", { ...green, test: { code: 2 } }, "22 passed, 1 failed, 3 skipped"],
    [
      "something after the tests",
      { ...green, test: { counts: ["10 0 0"], code: 1 } },
      "32 passed, 1 failed, 3 skipped",
    ],
    ["a script without tests", { ...green, "test:packages": { code: 1 } }, "32 passed, 1 failed, 4 skipped"],
    ["a suite that ran nothing and says it is well", { ...green, "test:node26": {} }, "22 passed, 1 failed, 2 skipped"],
  ] as const)("counts as a failure %s", async ([, scripts, closing]) => {
    const ended = await ci(scripts);
    expect(ended.closing).toBe(closing);
    expect(ended.status).not.toBe(0);
  });

  it("does not pass without a test", async () => {
    const skipped = { counts: ["0 0 4"] };
    const { closing, status } = await ci({ test: skipped, "test:node26": skipped, "test:runtimes": skipped, "test:interop": skipped });
    expect(closing).toBe("0 passed, 0 failed, 16 skipped");
    expect(status).not.toBe(0);
  });
});
