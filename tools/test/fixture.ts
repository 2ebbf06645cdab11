import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Table } from "../lib/workspace.ts";

/** Milliseconds for a test that runs compilers and test runners of its own. */
export const SLOW = 180_000;

export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** A temporary folder with these files; a table is written as JSON. Gone when disposed. */
export async function folder(files: Readonly<Record<string, string | Table>>): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "postroad-tools-"));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), typeof content === "string" ? content : JSON.stringify(content, null, 2));
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** package.json of a well-formed package of this kind, with `changes` on top. */
export function manifest(name: string, kind: string, changes: Table = {}): Table {
  const scoped = name === "postroad" ? name : `@postroad/${name}`;
  const core = kind === "core" ? {} : { "@postroad/core": "workspace:^" };
  return {
    name: scoped,
    version: "0.0.0",
    description: `What ${name} does`,
    type: "module",
    license: "MIT",
    engines: { node: ">=22.12" },
    postroad: { kind },
    exports: {
      ".": { "@postroad/source": "./src/index.ts", types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./package.json": "./package.json",
    },
    files: ["dist", "src", "!dist/.tsbuildinfo"],
    publishConfig: {
      access: "public",
      exports: {
        ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
        "./package.json": "./package.json",
      },
    },
    ...(kind === "umbrella" ? { dependencies: core } : { peerDependencies: core, devDependencies: core }),
    ...changes,
  };
}
