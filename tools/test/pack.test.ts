import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { install, loadProblems, packedProblems, tarballProblems } from "../lib/pack.ts";
import type { Package, Table } from "../lib/workspace.ts";
import { readPackage, root } from "../lib/workspace.ts";
import type { Folder } from "./fixture.ts";
import { folder, manifest, SLOW } from "./fixture.ts";

const entry = { types: "./dist/index.d.ts", default: "./dist/index.js" };
const published = { peerDependencies: {}, exports: { ".": entry, "./package.json": "./package.json" } };
const sound: Readonly<Record<string, string>> = {
  "README.md": "# it",
  LICENSE: "MIT",
  "dist/index.js": "export const one = 1;",
  "dist/index.d.ts": "export declare const one: number;",
  "src/index.ts": 'export * from "./one.ts";',
};

interface Tarball extends Folder {
  readonly pkg: Package;
  readonly tarball: string;
}

/** A tarball as pnpm would make it, with these fields and files; one of "" is left out. */
async function tarballOf(fields: Table, files: Readonly<Record<string, string>>): Promise<Tarball> {
  const kept = Object.entries({ ...sound, ...files }).filter(([, content]) => content !== "");
  const made = await folder({
    "package/package.json": manifest("it", "transport", { ...published, ...fields }),
    ...Object.fromEntries(kept.map(([name, content]) => [`package/${name}`, content])),
  });
  const tarball = join(made.path, "it.tgz");
  expect(spawnSync("tar", ["-czf", tarball, "-C", made.path, "package"]).status).toBe(0);
  return { ...made, pkg: await readPackage(join(made.path, "package")), tarball };
}

async function problemsOf(fields: Table, files: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  await using made = await tarballOf(fields, files);
  const [installed] = await install(made.path, root, [[made.pkg, made.tarball]]);
  if (installed === undefined) throw new Error("nothing was installed");
  return [...packedProblems(installed), ...(await loadProblems(made.path, installed))];
}

describe("a tarball", { timeout: SLOW }, () => {
  it("is sound where plain Node loads it and nothing is missing", async () => {
    expect(await problemsOf({})).toEqual([]);
  });

  it("may import what it declares, and nothing else", async () => {
    const files = { "dist/index.js": 'import fc from "fast-check";\nexport const run = fc.assert;' };
    expect(await problemsOf({ dependencies: { "fast-check": "^4.0.0" } }, files)).toEqual([]);
    expect(await problemsOf({}, files)).toEqual([expect.stringContaining("ERR_MODULE_NOT_FOUND")]);
  });

  it.for([
    [
      "a range of the workspace",
      { peerDependencies: { "@postroad/core": "workspace:^" } },
      {},
      'publishes @postroad/core as "workspace:^"',
    ],
    [
      "a range of the catalog",
      { dependencies: { "fast-check": "catalog:" } },
      {},
      'publishes fast-check as "catalog:"',
    ],
    ["no licence", {}, { LICENSE: "" }, "the tarball lacks LICENSE"],
    ["no exports", {}, { "dist/index.js": "globalThis.one = 1;" }, "exports nothing"],
    [
      "code that require cannot load",
      {},
      { "dist/index.js": "export const one = await 1;" },
      "ERR_REQUIRE_ASYNC_MODULE",
    ],
    ["sources for code", { exports: { ".": "./src/index.ts" } }, {}, "does not load"],
  ] as const)("is refused with %s", async ([, fields, files, problem]) => {
    expect(await problemsOf(fields, files)).toEqual([expect.stringContaining(problem)]);
  });

  it("is refused by publint and are-the-types-wrong where they find something", async () => {
    await using good = await tarballOf({}, {});
    expect(tarballProblems(root, good.pkg, good.tarball)).toEqual([]);
    const { types, ...code } = entry;
    await using bad = await tarballOf({ exports: { ".": { ...code, types } } }, { "dist/index.d.ts": "" });
    expect(tarballProblems(root, bad.pkg, bad.tarball)).toEqual([
      expect.stringMatching(/^packages\/package: publint:\n/),
      expect.stringMatching(/^packages\/package: attw:\n/),
    ]);
  });
});
