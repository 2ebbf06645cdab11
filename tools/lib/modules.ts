import { existsSync } from "node:fs";
import { mkdir, readdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Package } from "./workspace.ts";

/** Every module the workspace can import, by name: its own packages, and what they and the root depend on. */
export async function installedModules(
  workspace: string,
  packages: readonly Package[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map(packages.map(({ manifest, dir }) => [manifest.name, dir]));
  for (const dir of [...packages.map((pkg) => pkg.dir), join(workspace, "examples"), workspace]) {
    for (const name of await modulesIn(join(dir, "node_modules"))) {
      if (!found.has(name)) found.set(name, join(dir, "node_modules", name));
    }
  }
  return found;
}

/** Makes modules importable from below `folder`, without copying them. */
export async function linkModules(
  folder: string,
  modules: Iterable<readonly [name: string, target: string]>,
): Promise<void> {
  for (const [name, target] of modules) {
    const link = join(folder, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(target, link, "dir");
  }
}

async function modulesIn(folder: string): Promise<readonly string[]> {
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => !name.startsWith("."));
  const nested = names.map(async (name) =>
    name.startsWith("@") ? (await readdir(join(folder, name))).map((inner) => `${name}/${inner}`) : [name],
  );
  return (await Promise.all(nested)).flat();
}
