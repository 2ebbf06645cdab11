import { importsOf, packageOf } from "./imports.ts";
import type { Package } from "./workspace.ts";
import { label, runtimeDependencies } from "./workspace.ts";

/** Kinds at the end of the import chain: they bring `core` along. All others share the user's one copy of it. */
const owners: readonly string[] = ["umbrella", "app"];

/** Where package.json and the imports in src/ disagree. */
export function dependencyProblems(packages: readonly Package[]): readonly string[] {
  const own = new Map(packages.map(({ manifest }) => [manifest.name, manifest.kind]));
  return packages.flatMap((pkg) =>
    [...undeclared(pkg), ...unused(pkg), ...testingShipped(pkg, own), ...coreCopies(pkg, own), ...ranges(pkg, own)].map(
      (problem) => `${label(pkg)}/package.json: ${problem}`,
    ),
  );
}

function importedPackages({ sources }: Package): ReadonlySet<string> {
  const specifiers = sources.flatMap(({ path, text }) => importsOf(path, text).map(({ specifier }) => specifier ?? ""));
  return new Set(specifiers.flatMap((specifier) => packageOf(specifier) ?? []).filter((name) => name !== ""));
}

function undeclared(pkg: Package): readonly string[] {
  const declared = runtimeDependencies(pkg.manifest);
  return [...importedPackages(pkg)]
    .filter((name) => !(name in declared) && name !== pkg.manifest.name)
    .map((name) => `${name} is imported in src/ but not declared; add it to dependencies or peerDependencies`);
}

function unused(pkg: Package): readonly string[] {
  const imported = importedPackages(pkg);
  return Object.keys(runtimeDependencies(pkg.manifest))
    .filter((name) => !imported.has(name) && !imported.has(typedBy(name)))
    .map((name) => `${name} is declared but src/ never imports it; remove it, or move it to devDependencies`);
}

/** `@types/pg` declares the types of `pg`, `@types/scope__name` those of `@scope/name`. */
function typedBy(name: string): string {
  const target = name.startsWith("@types/") ? name.slice("@types/".length) : name;
  return target.includes("__") ? `@${target.replace("__", "/")}` : target;
}

function testingShipped({ manifest }: Package, own: ReadonlyMap<string, string>): readonly string[] {
  return Object.keys(runtimeDependencies(manifest))
    .filter((name) => own.get(name) === "testing")
    .map((name) => `${name} is for tests; move it to devDependencies`);
}

function coreCopies({ manifest }: Package, own: ReadonlyMap<string, string>): readonly string[] {
  if (manifest.kind === "core") return [];
  return [...own].flatMap(([name, kind]) => {
    if (kind !== "core") return [];
    if (owners.includes(manifest.kind)) return name in manifest.dependencies ? [] : [`${name} belongs in dependencies`];
    if (name in manifest.dependencies || !(name in manifest.peerDependencies)) {
      return [`${name} belongs in peerDependencies, so that there is one copy of it`];
    }
    return name in manifest.devDependencies ? [] : [`${name} belongs in devDependencies as well, for the tests`];
  });
}

/** `workspace:^` becomes a caret range when published; `workspace:*` would pin users to one exact version. */
function ranges({ manifest }: Package, own: ReadonlyMap<string, string>): readonly string[] {
  return Object.entries(runtimeDependencies(manifest))
    .filter(([name, range]) => own.has(name) && range !== "workspace:^")
    .map(([name, range]) => `${name} is "${range}"; use "workspace:^"`);
}
