// Runs the tests of core where core promises to run: Bun, Deno, workerd (Workers) and the oldest and newest Node 22. On both
// Nodes also a smoke test of every package as it is published. Needs what `tsc -b` built, and tools/runtimes installed.
import { appendFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleTests, portableTests } from "./lib/bundle.ts";
import type { Counts } from "./lib/counts.ts";
import type { Runtime } from "./lib/runtimes.ts";
import { countsIn, node22, others, programOf, run, writeCaller } from "./lib/runtimes.ts";
import { readPackages, root } from "./lib/workspace.ts";

const installed = join(root, "tools", "runtimes", "node_modules");
const folder = await mkdtemp(join(tmpdir(), "postroad-runtimes-"));
try {
  const core = await bundled("core", await portableTests(join(root, "packages", "core")), false);
  const smoke = await bundled("smoke", [join(root, "tools", "runtimes", "smoke.ts")], true);
  for (const runtime of [...others, ...node22]) await tried(runtime, "core", core, {});
  const POSTROAD_DIST = JSON.stringify(await distFiles());
  for (const runtime of node22) await tried(runtime, "smoke test of all packages", smoke, { POSTROAD_DIST });
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** A module that runs these tests, in a folder of its own. */
async function bundled(name: string, files: readonly string[], external: boolean): Promise<string> {
  const bundle = join(folder, name, "tests.mjs");
  await bundleTests(files, bundle, external, root);
  return writeCaller(bundle);
}

async function tried(runtime: Runtime, what: string, module: string, env: NodeJS.ProcessEnv): Promise<void> {
  const program = programOf(runtime, installed);
  if (program === undefined) {
    console.log(`SKIPPED ${runtime.name}: there is no program of it for ${process.platform} ${process.arch}`);
    return count({ passed: 0, failed: 0, skipped: 1 });
  }
  const { output, code } = await run(program, runtime.args(module), env);
  const counts = countsIn(output, code);
  if (counts.failed > 0) console.log(output);
  console.log(`${runtime.name}, ${what}: ${counts.passed} passed, ${counts.failed} failed`);
  count(counts);
}

function count({ passed, failed, skipped }: Counts): void {
  if (failed > 0) process.exitCode = 1;
  const { POSTROAD_TEST_COUNTS: file } = process.env;
  if (file !== undefined) appendFileSync(file, `${passed} ${failed} ${skipped}\n`);
}

/** Every module that a package of ours exports. That of `testing` with the suites loads within vitest only. */
async function distFiles(): Promise<readonly string[]> {
  const packages = (await readPackages(root)).filter(({ manifest }) => !manifest.private);
  return packages.flatMap(({ dir, manifest }) =>
    Object.entries(manifest.exports).flatMap(([entry, target]) => {
      const isModule = typeof target === "object" && target !== null && "default" in target && typeof target.default === "string";
      return isModule && !(manifest.name === "@postroad/testing" && entry === ".") ? [join(dir, String(target.default))] : [];
    }),
  );
}
