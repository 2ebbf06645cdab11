import { readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin } from "rolldown";
import { rolldown } from "rolldown";

const shim = join(import.meta.dirname, "portable-vitest.ts");
const VIRTUAL = "\0tests";

/**
 * Writes one module with these test files, and no vitest, to `file`: it exports `report`. What they import of the
 * package around them, and other packages of ours, is what was built. That is bundled too, or with `external` loaded as it is.
 */
export async function bundleTests(files: readonly string[], file: string, external: boolean, workspace: string): Promise<void> {
  const bundle = await rolldown({
    input: VIRTUAL,
    // The oldest of the runtimes does not know `using` (ES2026). A test that nobody imports anything of is run all the same.
    transform: { target: "es2023" },
    treeshake: false,
    platform: external ? "node" : "neutral",
    resolve: { mainFields: ["module", "main"], conditionNames: ["import", "default"] },
    plugins: [asBuilt(files, external, workspace)],
    // What cannot be found would be left for the runtime to find.
    onLog(level, log, handle) {
      if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
      handle(level, log);
    },
  });
  await bundle.write({ file, format: "esm", codeSplitting: false });
  await bundle.close();
}

function asBuilt(files: readonly string[], external: boolean, workspace: string): Plugin {
  return {
    name: "as-built",
    resolveId(source, importer) {
      if (source === VIRTUAL) return VIRTUAL;
      if (source === "vitest") return shim;
      const built = builtFrom(source, importer, workspace);
      return built === undefined || !external ? built : { id: pathToFileURL(built).href, external: true };
    },
    load(id) {
      if (id !== VIRTUAL) return undefined;
      const imports = files.map((test) => `import ${JSON.stringify(test)};`);
      return [...imports, `export { report } from ${JSON.stringify(shim)};`].join("\n");
    },
  };
}

/** What `tsc -b` made of a module of ours. */
function builtFrom(source: string, importer: string | undefined, workspace: string): string | undefined {
  const packages = join(workspace, "packages");
  const path = importer !== undefined && source.startsWith(".") ? relative(packages, join(dirname(importer), source)) : source;
  const [, folder, own] = /^([a-z0-9-]+)\/src\/(.+)\.ts$/.exec(path.replaceAll("\\", "/")) ?? [];
  if (folder !== undefined) return join(packages, folder, "dist", `${own}.js`);
  const [, name, entry = "index"] = /^@postroad\/([a-z0-9-]+)(?:\/([a-z]+))?$/.exec(source) ?? [];
  return name === undefined ? undefined : join(packages, name, "dist", `${entry}.js`);
}

/** The test files of a package that need nothing of Node. */
export async function portableTests(dir: string): Promise<readonly string[]> {
  const names = await readdir(join(dir, "test"));
  return names.filter((name) => name.endsWith(".test.ts") && !name.endsWith(".node.test.ts")).map((name) => join(dir, "test", name));
}
