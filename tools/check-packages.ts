// Packs every public package and checks the tarballs: publint, are-the-types-wrong, and whether plain Node loads them.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, loadProblems, pack, packedProblems, tarballProblems } from "./lib/pack.ts";
import { report } from "./lib/report.ts";
import type { Package } from "./lib/workspace.ts";
import { readPackages, root } from "./lib/workspace.ts";

const folder = await mkdtemp(join(tmpdir(), "postroad-packages-"));
try {
  const packages = (await readPackages(root)).filter(({ manifest }) => !manifest.private);
  const packed: (readonly [Package, string])[] = [];
  for (const pkg of packages) packed.push([pkg, await pack(pkg, join(folder, "tarballs"))]);
  const installed = await install(folder, root, packed);
  const loads = await Promise.all(installed.map((pkg) => loadProblems(folder, pkg)));
  const problems = [
    ...packed.flatMap(([pkg, tarball]) => tarballProblems(root, pkg, tarball)),
    ...installed.flatMap((pkg) => packedProblems(pkg)),
    ...loads.flat(),
  ];
  report("packages", problems, `${packages.length} tarballs are sound`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
