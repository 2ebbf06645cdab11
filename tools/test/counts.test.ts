import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { linkModules } from "../lib/modules.ts";
import { root } from "../lib/workspace.ts";
import { folder, SLOW } from "./fixture.ts";

const vitest = join(root, "node_modules", "vitest");

/** What the reporter writes of a real vitest run over these test files, and how vitest ended. */
async function runOf(
  files: Readonly<Record<string, string>>,
): Promise<{ readonly line: string; readonly status: number | null }> {
  const reporter = JSON.stringify(join(root, "tools", "lib", "counts.ts"));
  await using made = await folder({
    ...files,
    "package.json": { type: "module" },
    "vitest.config.ts": `import { countsReporter } from ${reporter};
      export default { test: { reporters: ["default", countsReporter("counts")] } };`,
  });
  await linkModules(made.path, [["vitest", vitest]]);
  const { status } = spawnSync(process.execPath, [join(vitest, "vitest.mjs"), "run"], { cwd: made.path });
  const counts = join(made.path, "counts");
  return { line: existsSync(counts) ? await readFile(counts, "utf8") : "", status };
}

function test(body: string): string {
  return `import { beforeAll, describe, it } from "vitest";\n${body}`;
}

describe("countsReporter", { timeout: SLOW }, () => {
  it("adds up what passed, failed and was skipped", async () => {
    const body =
      'it("a", () => {}); it("b", () => {}); it("c", () => { throw new Error("c"); }); it.skip("d"); it.todo("e");';
    expect(await runOf({ "a.test.ts": test(body), "b.test.ts": test('it("f", () => {});') })).toEqual({
      line: "3 1 2\n",
      status: 1,
    });
  });

  it("counts a file that does not load as failed", async () => {
    const files = { "a.test.ts": test('it("a", () => {});'), "b.test.ts": 'import "./missing.ts";' };
    expect(await runOf(files)).toEqual({ line: "1 1 0\n", status: 1 });
  });

  it("counts a suite whose set-up fails, whose tests never ran, as failed", async () => {
    const body = 'describe("s", () => { beforeAll(() => { throw new Error("no"); }); it("a", () => {}); });';
    const { line, status } = await runOf({ "a.test.ts": test(body) });
    expect(line).toMatch(/^0 1 /);
    expect(status).toBe(1);
  });

  it("counts an error outside of any test as failed", async () => {
    const body =
      `it("a", () => { setTimeout(() => { throw new Error("late"); }); return new Promise((r) => setTimeout(r, 9)); });`;
    expect(await runOf({ "a.test.ts": test(body) })).toEqual({ line: "1 1 0\n", status: 1 });
  });

  it("leaves a run without tests to vitest, which fails", async () => {
    const { line, status } = await runOf({});
    expect(line).not.toMatch(/^[1-9]/);
    expect(status).toBe(1);
  });
});
