import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { entriesOf, runEntry } from "../lib/entries.ts";
import { root } from "../lib/workspace.ts";
import { folder } from "./fixture.ts";

const files = {
  "two/main.ts": "process.exitCode = Number(process.argv[2]) + process.argv.length;",
  "one/main.ts": "const code: number = 1; process.exit(code);",
  "three/other.ts": "",
};

describe("entries", () => {
  it("are the folders with a main.ts", async () => {
    await using made = await folder(files);
    expect(await entriesOf(made.path)).toEqual(["one", "two"]);
    expect(await entriesOf(join(made.path, "nowhere"))).toEqual([]);
  });

  it("run with their arguments and hand on their exit code", async () => {
    await using made = await folder(files);
    expect(await runEntry(made.path, ["one"])).toBe(1);
    expect(await runEntry(made.path, ["two", "39"])).toBe(42);
  });

  it("run from the sources of the workspace", async () => {
    await using made = await folder({
      "where/main.ts": 'process.exit(process.execArgv.join() === "-C,@postroad/source" ? 0 : 1);',
    });
    expect(await runEntry(made.path, ["where"])).toBe(0);
  });

  it.for(["bench", "evidence"])("pnpm %s refuses a name it does not know", (name) => {
    const run = spawnSync(process.execPath, [join(root, "tools", `${name}.ts`), "nonesuch"], { encoding: "utf8" });
    expect(run.stderr).toMatch(/^"nonesuch" is none of: /);
    expect(run.status).toBe(2);
    expect(spawnSync(process.execPath, [join(root, "tools", `${name}.ts`)]).status).toBe(0);
  });
});
