import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseSync } from "oxc-parser";
import type { Package, Table } from "./workspace.ts";
import { isTable, label, listOf, parseTable, runtimeDependencies, tableOf } from "./workspace.ts";

/** Resolved by tests, type checks and `node -C`, so that the workspace needs no build; never published. */
export const sourceCondition = "@postroad/source";

const conditions = [sourceCondition, "types", "default"];
const published = ["dist", "src", "!dist/.tsbuildinfo"];

/** Where what a package promises (its exports, its fields, its references) differs from the files it has. */
export async function exportProblems(packages: readonly Package[]): Promise<readonly string[]> {
  const own = new Map(packages.map((pkg) => [pkg.manifest.name, basename(pkg.dir)]));
  const found = packages.map(async (pkg) => [
    ...fieldProblems(pkg),
    ...Object.entries(pkg.manifest.exports).flatMap(([subpath, target]) => targetProblems(pkg, subpath, target)),
    ...mirrorProblems(pkg),
    ...(await referenceProblems(pkg, own)),
  ]);
  return (await Promise.all(found)).flat();
}

function fieldProblems(pkg: Package): readonly string[] {
  const { dir, manifest } = pkg;
  const folder = basename(dir);
  const wanted: readonly (readonly [boolean, string])[] = [
    [manifest.name === folder || manifest.name === `@postroad/${folder}`, `name is not @postroad/${folder}`],
    [manifest.description !== "", "description is missing"],
    [manifest.license === "MIT", "license is not MIT"],
    [manifest.type === "module", "type is not module"],
    [manifest.kind !== "", "postroad.kind is missing"],
    ["node" in manifest.engines, "engines.node is missing"],
    ["." in manifest.exports, 'exports has no "."'],
    [manifest.exports["./package.json"] === "./package.json", 'exports does not list "./package.json"'],
    [published.every((file) => manifest.files.includes(file)), `files does not list ${published.join(", ")}`],
    [manifest.publishConfig.access === "public", "publishConfig.access is not public"],
  ];
  const problems = wanted.flatMap(([holds, problem]) => (holds ? [] : [`${label(pkg)}/package.json: ${problem}`]));
  return existsSync(join(dir, "README.md")) ? problems : [...problems, `${label(pkg)}/README.md: is missing`];
}

function targetProblems(pkg: Package, subpath: string, target: unknown): readonly string[] {
  if (target === subpath && subpath === "./package.json") return [];
  const where = `${label(pkg)}/package.json: exports["${subpath}"]`;
  if (!isTable(target)) return [`${where} is not an object of ${conditions.join(", ")}`];
  // Order matters: the first condition that applies wins, and "default" always applies.
  if (Object.keys(target).join() !== conditions.join())
    return [`${where} does not list ${conditions.join(", ")} in order`];
  const stem = /^\.\/src\/(.+)\.ts$/.exec(String(target[sourceCondition]))?.[1];
  if (stem === undefined) return [`${where}["${sourceCondition}"] is not a .ts file in ./src`];
  const agrees = target.types === `./dist/${stem}.d.ts` && target.default === `./dist/${stem}.js`;
  return agrees ? entryProblems(pkg, `src/${stem}.ts`) : [`${where} does not name ${stem} in all three conditions`];
}

/** An entry only lists what is public; code in it would be found by nobody. */
function entryProblems(pkg: Package, path: string): readonly string[] {
  const entry = pkg.sources.find((source) => source.path === path);
  if (entry === undefined) return [`${label(pkg)}/${path}: is exported but does not exist`];
  const { program } = parseSync(path, entry.text);
  const others = program.body.filter(
    (node) => node.type !== "ExportAllDeclaration" && !(node.type === "ExportNamedDeclaration" && node.source !== null),
  );
  if (program.body.length === 0) return [`${label(pkg)}/${path}: exports nothing`];
  return others.length === 0 ? [] : [`${label(pkg)}/${path}: holds more than re-exports`];
}

function mirrorProblems(pkg: Package): readonly string[] {
  const expected = Object.fromEntries(
    Object.entries(pkg.manifest.exports).map(([subpath, target]) => [subpath, withoutSource(target)]),
  );
  const given = tableOf(pkg.manifest.publishConfig.exports);
  if (JSON.stringify(given) === JSON.stringify(expected)) return [];
  return [`${label(pkg)}/package.json: publishConfig.exports is not exports without ${sourceCondition}`];
}

function withoutSource(target: unknown): unknown {
  if (!isTable(target)) return target;
  return Object.fromEntries(Object.entries(target).filter(([condition]) => condition !== sourceCondition));
}

/** `tsc -b` builds in the order of the references, so they have to be the workspace dependencies. */
async function referenceProblems(pkg: Package, own: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const where = `${label(pkg)}/tsconfig.json`;
  if (!existsSync(join(pkg.dir, "tsconfig.json"))) return [`${where}: is missing`];
  const config = parseTable(await readFile(join(pkg.dir, "tsconfig.json"), "utf8"));
  const given = new Set(listOf(config.references).map((reference) => folderOf(tableOf(reference))));
  const wanted = new Set(Object.keys(runtimeDependencies(pkg.manifest)).flatMap((name) => own.get(name) ?? []));
  return [
    ...[...wanted.difference(given)].map((name) => `${where}: references lack ../${name}, a dependency`),
    ...[...given.difference(wanted)].map((name) => `${where}: references name ../${name}, which is no dependency`),
  ];
}

function folderOf(reference: Table): string {
  return String(reference.path).replace(/^\.\.\//, "");
}
