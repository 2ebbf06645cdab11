// Type-checks every `ts` block of the documentation against the sources, each as a module of its own.
import { glob, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installedModules, linkModules } from "./lib/modules.ts";
import { report } from "./lib/report.ts";
import { located, snippetsOf } from "./lib/snippets.ts";
import { typecheck } from "./lib/typecheck.ts";
import { readPackages, root } from "./lib/workspace.ts";

const documents = ["*.md", "docs/**/*.md", "packages/*/README.md", "{examples,benchmarks,evidence}/**/*.md"];
const paths = await Array.fromAsync(glob(documents, { cwd: root, exclude: (path) => path.includes("node_modules") }));
const texts = await Promise.all(
  paths.toSorted().map(async (path) => [path, await readFile(join(root, path), "utf8")] as const),
);
const snippets = texts.flatMap(([path, text]) => snippetsOf(path, text));

const folder = await mkdtemp(join(tmpdir(), "postroad-snippets-"));
try {
  const files = snippets.map((snippet, index) => ({ name: `${index}.ts`, ...snippet }));
  await Promise.all(files.map(({ name, code }) => writeFile(join(folder, name), code)));
  await linkModules(folder, await installedModules(root, await readPackages(root)));
  const sources = new Map(files.map(({ name, source }) => [name, source]));
  const problems = snippets.length === 0 ? [] : await typecheck(root, folder);
  report(
    "snippets",
    problems.map((line) => located(line, sources)),
    `${snippets.length} blocks in ${paths.length} documents compile`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
