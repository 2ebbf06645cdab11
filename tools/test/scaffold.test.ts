import { spawnSync } from "node:child_process";
import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { dependencyProblems } from "../lib/dependencies.ts";
import { exportProblems } from "../lib/exports.ts";
import { layerProblems } from "../lib/layers.ts";
import { installedModules, linkModules } from "../lib/modules.ts";
import { scaffold } from "../lib/scaffold.ts";
import { snippetsOf } from "../lib/snippets.ts";
import { typecheck } from "../lib/typecheck.ts";
import { readPackage, readPackages, root } from "../lib/workspace.ts";
import type { Folder } from "./fixture.ts";
import { folder, SLOW } from "./fixture.ts";

interface Scaffolded extends Folder {
  readonly files: readonly string[];
}

/** A workspace of its own with one new package, which finds the packages of this one as if it stood among them. */
async function scaffolded(kind: string, name: string): Promise<Scaffolded> {
  const made = await folder({
    "package.json": { type: "module" },
    "vitest.config.ts": `export default { ssr: { resolve: { conditions: ["@postroad/source", "module", "node"] } } };`,
  });
  for (const file of ["tsconfig.json", "tsconfig.base.json", ".oxlintrc.json"])
    await cp(join(root, file), join(made.path, file));
  const files = await scaffold(made.path, kind, name);
  for (const { dir } of await readPackages(root)) await symlink(dir, join(made.path, "packages", basename(dir)), "dir");
  const own = await readPackage(join(made.path, "packages", name));
  await linkModules(made.path, [
    ...(await installedModules(root, await readPackages(root))),
    [own.manifest.name, own.dir],
  ]);
  return { ...made, files: files.map((file) => relative(made.path, file)) };
}

/** Runs a tool of this workspace in that one; gives what it printed where it failed. */
function failureOf(made: Scaffolded, tool: string, ...args: readonly string[]): string {
  const bin = join(root, "node_modules", ".bin");
  const env = { ...process.env, OXLINT_TSGOLINT_PATH: join(bin, "tsgolint") };
  const { status, stdout, stderr } = spawnSync(join(bin, tool), args, { cwd: made.path, encoding: "utf8", env });
  return status === 0 ? "" : `${stdout}${stderr}`;
}

describe.for([
  ["transport", "pager", []],
  ["middleware", "slow-start", []],
  ["store", "tape-reel", [...["changes", "claiming", "journal", "looking", "state"].map((file) => `src/${file}.ts`), "test/child.ts"]],
] as const)("a new %s", { timeout: SLOW }, ([kind, name, more]) => {
  it("is one folder with the rooms every package has", async () => {
    await using made = await scaffolded(kind, name);
    const sources = ["index", "options", name].map((file) => `src/${file}.ts`);
    const rooms = ["README.md", "package.json", "tsconfig.json", ...sources, ...more, `test/${name}.test.ts`];
    expect(made.files).toEqual(rooms.map((room) => join("packages", name, room)).toSorted());
    for (const file of made.files)
      expect(await readFile(join(made.path, file), "utf8")).not.toMatch(/courier|patience|larder/i);
  });

  it("keeps the layers and has the files it promises", async () => {
    await using made = await scaffolded(kind, name);
    const others = (await readPackages(root)).filter(({ manifest }) => ["core", "queue", "testing"].includes(manifest.kind));
    const own = await readPackage(join(made.path, "packages", name));
    expect(layerProblems([...others, own]).filter((problem) => problem.includes(name))).toEqual([]);
    expect(dependencyProblems([...others, own]).filter((problem) => problem.includes(name))).toEqual([]);
    expect((await exportProblems([...others, own])).filter((problem) => problem.includes(name))).toEqual([]);
  });

  it("compiles, with its README", async () => {
    await using made = await scaffolded(kind, name);
    const readme = snippetsOf("README.md", await readFile(join(made.path, "packages", name, "README.md"), "utf8"));
    for (const [index, { code }] of readme.entries()) await writeFile(join(made.path, `${index}.ts`), code);
    expect(readme).toHaveLength(1);
    expect(await typecheck(root, made.path, ["*.ts", `packages/${name}/src`, `packages/${name}/test`])).toEqual([]);
  });

  it("has nothing for lint to say", async () => {
    await using made = await scaffolded(kind, name);
    expect(failureOf(made, "oxlint", "--type-aware", "--deny-warnings", `packages/${name}`)).toBe("");
  });

  it("passes its conformance suite", async () => {
    await using made = await scaffolded(kind, name);
    expect(failureOf(made, "vitest", "run", join("packages", name))).toBe("");
  });
});

describe("scaffold", () => {
  it.for([
    ["gadget", "tape", '"gadget" is none of transport, middleware, store'],
    ["transport", "Tape", '"Tape" is no package name'],
    ["transport", "../tape", '"../tape" is no package name'],
    ["transport", "-tape", '"-tape" is no package name'],
    ["transport", "delete", '"delete" is a reserved word'],
    ["transport", "pager", "packages/pager exists already"],
  ] as const)("refuses a %s called %s", async ([kind, name, problem]) => {
    await using made = await folder({ "packages/pager/package.json": {} });
    await expect(scaffold(made.path, kind, name)).rejects.toThrow(problem);
  });

  it.for([["store"], ["transport"], ["transport", "a", "b"]])(
    "pnpm new %s says why not and ends with 2",
    (...[args]) => {
      const { status, stderr } = spawnSync(process.execPath, [join(root, "tools", "new.ts"), ...args], {
        encoding: "utf8",
      });
      expect(stderr).toMatch(/^use: pnpm new/);
      expect(status).toBe(2);
    },
  );
});
