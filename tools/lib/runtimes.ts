import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import type { Counts } from "./counts.ts";

/** A program that runs JavaScript. */
export interface Runtime {
  readonly name: string;
  /** The program within `tools/runtimes/node_modules`, by platform and processor. */
  readonly programs: Readonly<Record<string, string>>;
  /** Its arguments for the module that calls `report`; for workerd another file stands beside it. */
  readonly args: (module: string) => readonly string[];
}

export const node22: readonly Runtime[] = [
  { name: "Node 22.12.0", programs: { "linux-x64": "node-oldest-linux-x64/bin/node" }, args: (module) => [module] },
  {
    name: "Node 22",
    programs: { "linux-x64": "node22-linux-x64/bin/node", "linux-arm64": "node22-linux-arm64/bin/node" },
    args: (module) => [module],
  },
];

export const others: readonly Runtime[] = [
  {
    name: "Bun",
    programs: { "linux-x64": "@oven/bun-linux-x64/bin/bun", "linux-arm64": "@oven/bun-linux-aarch64/bin/bun" },
    args: (module) => ["run", module],
  },
  {
    // Vitest's matchers ask whether the terminal has colours. Files and network stay closed.
    name: "Deno",
    programs: { "linux-x64": "@deno/linux-x64-glibc/deno", "linux-arm64": "@deno/linux-arm64-glibc/deno" },
    args: (module) => ["run", "--no-prompt", "--no-config", "--no-lock", "--allow-env", module],
  },
  {
    // Workers: none of Node's names, without its compatibility flag.
    name: "workerd",
    programs: { "linux-x64": "@cloudflare/workerd-linux-64/bin/workerd", "linux-arm64": "@cloudflare/workerd-linux-arm64/bin/workerd" },
    args: (module) => ["test", join(dirname(module), "config.capnp")],
  },
];

/** The program of a runtime on this machine, or undefined where npm has none for it. */
export function programOf({ programs }: Runtime, installed: string): string | undefined {
  const path = programs[`${platform()}-${arch()}`];
  const program = path === undefined ? undefined : join(installed, path);
  return program !== undefined && existsSync(program) ? program : undefined;
}

/** Writes what calls `report` of a bundle, beside it, and gives its path. */
export async function writeCaller(bundle: string): Promise<string> {
  const folder = dirname(bundle);
  const module = join(folder, "main.mjs");
  await writeFile(module, `import { report } from "./tests.mjs";\nawait report("${COUNTS}");\n`);
  await writeFile(join(folder, "worker.mjs"), `import { report } from "tests.mjs";\nexport default { test: () => report("${COUNTS}") };\n`);
  await writeFile(join(folder, "config.capnp"), WORKER);
  return module;
}

/** In front of `passed failed`. */
const COUNTS = "postroad-counts:";

const WORKER = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "core", worker = .core)]);
const core :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs"), (name = "tests.mjs", esModule = embed "tests.mjs")],
);
`;

/** What a run came to: one that ends without telling, or badly without a failed test, has failed. */
export function countsIn(output: string, code: number): Counts {
  const [, passed, failed] = new RegExp(`^.*${COUNTS} (\\d+) (\\d+)\\s*$`, "m").exec(output) ?? [];
  if (passed === undefined || Number(passed) + Number(failed) === 0) return { passed: 0, failed: 1, skipped: 0 };
  return { passed: Number(passed), failed: code === 0 ? Number(failed) : Math.max(1, Number(failed)), skipped: 0 };
}

export async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ readonly output: string; readonly code: number }> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 120_000, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ output: `${stdout}\n${stderr}`, code: error === null ? 0 : 1 });
    });
  });
}
