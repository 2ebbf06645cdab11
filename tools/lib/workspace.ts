import { readFile, readdir } from "node:fs/promises";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The fields of a package.json that the checks read, with absent lists and tables made empty. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: string;
  readonly private: boolean;
  /** `postroad.kind`: which rules of tools/lib/layers.ts the package lives by. */
  readonly kind: string;
  readonly engines: Strings;
  readonly exports: Table;
  readonly files: readonly string[];
  readonly publishConfig: Table;
  readonly dependencies: Strings;
  readonly peerDependencies: Strings;
  readonly optionalDependencies: Strings;
  readonly devDependencies: Strings;
}

export type Table = Readonly<Record<string, unknown>>;
export type Strings = Readonly<Record<string, string>>;

export interface SourceFile {
  /** Relative to the package, with forward slashes: `src/index.ts`. */
  readonly path: string;
  readonly text: string;
}

export interface Package {
  /** Absolute. */
  readonly dir: string;
  readonly manifest: Manifest;
  /** Every TypeScript file below src/. */
  readonly sources: readonly SourceFile[];
}

/** The repository this file belongs to. */
export const root: string = dirname(dirname(import.meta.dirname));

/** Every package below `<workspace>/packages`, sorted by folder. */
export async function readPackages(workspace: string): Promise<readonly Package[]> {
  const parent = join(workspace, "packages");
  const names = (await readdir(parent)).filter((name) => existsSync(join(parent, name, "package.json"))).toSorted();
  return Promise.all(names.map((name) => readPackage(join(parent, name))));
}

/** The package in `dir`. */
export async function readPackage(dir: string): Promise<Package> {
  const manifest = parseManifest(await readFile(join(dir, "package.json"), "utf8"));
  return { dir, manifest, sources: await readSources(dir) };
}

async function readSources(dir: string): Promise<readonly SourceFile[]> {
  if (!existsSync(join(dir, "src"))) return [];
  const entries = await readdir(join(dir, "src"), { recursive: true });
  const paths = entries
    .map((entry) => `src/${entry.replaceAll("\\", "/")}`)
    .filter((path) => /\.[cm]?tsx?$/.test(path));
  return Promise.all(paths.toSorted().map(async (path) => ({ path, text: await readFile(join(dir, path), "utf8") })));
}

/** Reads a package.json; a field of the wrong type counts as absent, and the checks then ask for it. */
export function parseManifest(json: string): Manifest {
  const given = parseTable(json);
  return {
    name: text(given.name),
    version: text(given.version),
    description: text(given.description),
    license: text(given.license),
    type: text(given.type),
    private: given.private === true,
    kind: text(tableOf(given.postroad).kind),
    engines: strings(given.engines),
    exports: tableOf(given.exports),
    files: listOf(given.files).filter((file) => typeof file === "string"),
    publishConfig: tableOf(given.publishConfig),
    dependencies: strings(given.dependencies),
    peerDependencies: strings(given.peerDependencies),
    optionalDependencies: strings(given.optionalDependencies),
    devDependencies: strings(given.devDependencies),
  };
}

/** A JSON object; throws a TypeError on any other JSON. */
export function parseTable(json: string): Table {
  const value: unknown = JSON.parse(json);
  if (!isTable(value)) throw new TypeError(`expected a JSON object, got ${json.slice(0, 40)}`);
  return value;
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as a table, empty where it is none. */
export function tableOf(value: unknown): Table {
  return isTable(value) ? value : {};
}

/** The value as a list, empty where it is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** How problems name the package: its folder, as `packages/smtp`. */
export function label(pkg: Package): string {
  return `packages/${basename(pkg.dir)}`;
}

/** What a user gets with the package: everything but devDependencies. */
export function runtimeDependencies(manifest: Manifest): Strings {
  return { ...manifest.optionalDependencies, ...manifest.peerDependencies, ...manifest.dependencies };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function strings(value: unknown): Strings {
  return Object.fromEntries(Object.entries(tableOf(value)).map(([key, given]) => [key, text(given)]));
}
