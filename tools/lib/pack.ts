import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { installedModules, linkModules } from "./modules.ts";
import type { Package } from "./workspace.ts";
import { label, readPackage, runtimeDependencies } from "./workspace.ts";

/** Packs a package as it would be published; gives the path of its tarball in `destination`. */
export async function pack(pkg: Package, destination: string): Promise<string> {
  await mkdir(destination, { recursive: true });
  const before = new Set(await readdir(destination));
  const { ok, output } = run("pnpm", ["pack", "--pack-destination", destination], pkg.dir);
  const made = (await readdir(destination)).find((file) => !before.has(file));
  if (!ok || made === undefined) throw new Error(`${label(pkg)}: pnpm pack failed:\n${output}`);
  return join(destination, made);
}

/** What publint and are-the-types-wrong say of a tarball. */
export function tarballProblems(workspace: string, pkg: Package, tarball: string): readonly string[] {
  const tools = [
    ["publint", "run", tarball, "--strict"],
    // The packages are ESM only; Node loads them by require() as well since 22.12.
    ["attw", tarball, "--profile", "esm-only", "--format", "ascii", "--no-emoji"],
  ] as const;
  return tools.flatMap(([tool, ...args]) => {
    const { ok, output } = run(join(workspace, "node_modules", ".bin", tool), args, workspace);
    return ok ? [] : [`${label(pkg)}: ${tool}:\n${output}`];
  });
}

/** Unpacks tarballs below `folder` as an installation would, next to what else they depend on. */
export async function install(
  folder: string,
  workspace: string,
  packed: readonly (readonly [pkg: Package, tarball: string])[],
): Promise<readonly Package[]> {
  const packages = packed.map(([pkg]) => pkg);
  const own = new Set(packages.map(({ manifest }) => manifest.name));
  const needed = new Set(packages.flatMap(({ manifest }) => Object.keys(runtimeDependencies(manifest))));
  const others = [...(await installedModules(workspace, packages))].filter(
    ([name]) => needed.has(name) && !own.has(name),
  );
  await linkModules(folder, others);
  return Promise.all(
    packed.map(async ([{ manifest }, tarball]) => {
      const target = join(folder, "node_modules", manifest.name);
      await mkdir(target, { recursive: true });
      const { ok, output } = run("tar", ["-xzf", tarball, "--strip-components=1", "-C", target], folder);
      if (!ok) throw new Error(`${tarball}: ${output}`);
      return readPackage(target);
    }),
  );
}

/** What a published package.json must not hold, and the files that must come along. */
export function packedProblems({ dir, manifest }: Package): readonly string[] {
  const ranges = Object.entries(runtimeDependencies(manifest)).filter(([, range]) =>
    /^(?:workspace|catalog):/.test(range),
  );
  const missing = ["README.md", "LICENSE", "dist/index.js", "dist/index.d.ts"].filter(
    (file) => !existsSync(join(dir, file)),
  );
  return [
    ...ranges.map(([name, range]) => `${manifest.name}: publishes ${name} as "${range}"`),
    ...missing.map((file) => `${manifest.name}: the tarball lacks ${file}`),
  ];
}

/** Loads every entry of an installed package with plain Node, by import and by require, and compares the two. */
export async function loadProblems(folder: string, { manifest }: Package): Promise<readonly string[]> {
  const entries = Object.keys(manifest.exports).filter((subpath) => !subpath.endsWith(".json"));
  const names = entries.map((subpath) => manifest.name + subpath.slice(1));
  const script = join(folder, "load.mjs");
  await writeFile(script, loader);
  return names.flatMap((name) => {
    const { ok, output } = run(process.execPath, [script, name], folder);
    return ok ? [] : [`${name}: does not load:\n${output}`];
  });
}

const loader = `
import { createRequire } from "node:module";
const [name] = process.argv.slice(2);
const imported = await import(name);
const required = createRequire(import.meta.url)(name);
const names = Object.keys(imported);
if (names.length === 0) throw new Error("exports nothing");
for (const key of names) if (imported[key] !== required[key]) throw new Error(key + " is another by require");
`;

/** Runs a program to its end and keeps what it printed. Throws only where it cannot be started. */
function run(command: string, args: readonly string[], cwd: string): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (error !== undefined) throw error;
  return { ok: status === 0, output: `${stdout}${stderr}`.trim() };
}
