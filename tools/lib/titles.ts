import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { listOf, tableOf } from "./workspace.ts";

/** The title of every test and of every suite around it, tables filled in, as vitest collects them with `config` in `workspace`. */
export async function testTitles(
  workspace: string,
  filters: readonly string[] = [],
  config: string = "vitest.config.ts",
): Promise<ReadonlySet<string>> {
  const folder = await mkdtemp(join(tmpdir(), "postroad-titles-"));
  try {
    const list = join(folder, "tests.json");
    const vitest = join(workspace, "node_modules", "vitest", "vitest.mjs");
    // Without --no-static-parse vitest gives the titles of table tests with their %s.
    const args = [vitest, "list", "--no-static-parse", "--config", config, `--json=${list}`, ...filters];
    await promisify(execFile)(process.execPath, args, { cwd: workspace, env: { ...process.env, POSTROAD_LIST: "1" } });
    const tests: unknown = JSON.parse(await readFile(list, "utf8"));
    return new Set(listOf(tests).flatMap((test) => String(tableOf(test).name).split(" > ")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
