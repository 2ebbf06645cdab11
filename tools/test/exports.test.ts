import { describe, expect, it } from "vitest";
import { exportProblems } from "../lib/exports.ts";
import type { Table } from "../lib/workspace.ts";
import { readPackages } from "../lib/workspace.ts";
import { folder, manifest } from "./fixture.ts";

const source = "./src/index.ts";
const types = "./dist/index.d.ts";
const built = "./dist/index.js";
const self = { "./package.json": "./package.json" };

function entry(changes: Table): Table {
  return { "@postroad/source": source, types, default: built, ...changes };
}

/** What the check says of packages/it, well-formed but for these fields and files. A file of "" is left out. */
async function problemsWith(
  fields: Table,
  files: Readonly<Record<string, string | Table>> = {},
): Promise<readonly string[]> {
  const all: Readonly<Record<string, string | Table>> = {
    "core/package.json": manifest("core", "core"),
    "core/tsconfig.json": {},
    "core/README.md": "# core",
    "core/src/index.ts": 'export * from "./mail.ts";',
    "it/package.json": manifest("it", "transport", fields),
    "it/tsconfig.json": { references: [{ path: "../core" }] },
    "it/README.md": "# it",
    "it/src/index.ts": 'export type { A } from "./a.ts";\nexport { a } from "./a.ts";',
    ...files,
  };
  const kept = Object.entries(all).filter(([, content]) => content !== "");
  await using made = await folder(Object.fromEntries(kept.map(([name, content]) => [`packages/${name}`, content])));
  return await exportProblems(await readPackages(made.path));
}

describe("exports", () => {
  it("are fine where files, conditions and references agree", async () => {
    expect(await problemsWith({})).toEqual([]);
  });

  it("may have subpaths", async () => {
    const ascii = { types: "./dist/ascii.d.ts", default: "./dist/ascii.js" };
    const fields = {
      exports: { ".": entry({}), "./ascii": { "@postroad/source": "./src/ascii.ts", ...ascii }, ...self },
      publishConfig: { access: "public", exports: { ".": { types, default: built }, "./ascii": ascii, ...self } },
    };
    expect(await problemsWith(fields, { "it/src/ascii.ts": 'export * from "./a.ts";' })).toEqual([]);
  });

  it.for([
    [
      "a condition that is missing",
      { types, default: built },
      'exports["."] does not list @postroad/source, types, default',
    ],
    ["conditions out of order", { default: built, types, "@postroad/source": source }, "in order"],
    ["a source outside of src", entry({ "@postroad/source": "./lib/index.ts" }), "is not a .ts file in ./src"],
    ["types of another file", entry({ types: "./dist/other.d.ts" }), "does not name index in all three conditions"],
    ["code of another file", entry({ default: "./dist/other.js" }), "does not name index in all three conditions"],
    ["a target that is one string", "./dist/index.js", 'exports["."] is not an object'],
  ] as const)("report %s", async ([, target, problem]) => {
    const problems = await problemsWith({ exports: { ".": target, ...self } });
    expect(problems[0]).toMatch(/^packages\/it\/package\.json: /);
    expect(problems[0]).toContain(problem);
  });

  it("report what is published under other names", async () => {
    const fields = { publishConfig: { access: "public", exports: { ".": { types }, ...self } } };
    expect(await problemsWith(fields)).toEqual([
      "packages/it/package.json: publishConfig.exports is not exports without @postroad/source",
    ]);
  });

  it.for([
    [
      "an entry that does not exist",
      { "it/src/index.ts": "" },
      "packages/it/src/index.ts: is exported but does not exist",
    ],
    [
      "an entry with code",
      { "it/src/index.ts": 'export const a = 1; export * from "./a.ts";' },
      "holds more than re-exports",
    ],
    ["an entry that exports nothing of its own", { "it/src/index.ts": "export {};" }, "holds more than re-exports"],
    ["an empty entry", { "it/src/index.ts": "\n" }, "packages/it/src/index.ts: exports nothing"],
    ["a missing README", { "it/README.md": "" }, "packages/it/README.md: is missing"],
    ["a missing tsconfig", { "it/tsconfig.json": "" }, "packages/it/tsconfig.json: is missing"],
    ["a missing reference", { "it/tsconfig.json": {} }, "references lack ../core, a dependency"],
    [
      "a reference too many",
      { "it/tsconfig.json": { references: [{ path: "../core" }, { path: "../smtp" }] } },
      "references name ../smtp, which is no dependency",
    ],
  ] as const)("report %s", async ([, files, problem]) => {
    expect(await problemsWith({}, files)).toEqual([expect.stringContaining(problem)]);
  });

  it.for([
    ["name", "@postroad/other", "name is not @postroad/it"],
    ["description", "", "description is missing"],
    ["license", "ISC", "license is not MIT"],
    ["type", "commonjs", "type is not module"],
    ["postroad", {}, "postroad.kind is missing"],
    ["engines", {}, "engines.node is missing"],
    ["files", ["dist"], "files does not list dist, src"],
  ] as const)("report a wrong %s", async ([field, value, problem]) => {
    expect(await problemsWith({ [field]: value })).toEqual([expect.stringContaining(problem)]);
  });
});
