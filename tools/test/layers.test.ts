import { describe, expect, it } from "vitest";
import { dependencyProblems } from "../lib/dependencies.ts";
import { layerProblems } from "../lib/layers.ts";
import type { Table } from "../lib/workspace.ts";
import { readPackages } from "../lib/workspace.ts";
import { folder, manifest } from "./fixture.ts";

const kinds = { core: "core", message: "message", smtp: "transport", resend: "provider", retry: "middleware" };
const more = {
  queue: "queue",
  "queue-sqlite": "store",
  testing: "testing",
  mx: "mx",
  postroad: "umbrella",
  cli: "app",
};
const workspace: Readonly<Record<string, Table>> = Object.fromEntries(
  Object.entries({ ...kinds, ...more }).map(([name, kind]) => [`packages/${name}/package.json`, manifest(name, kind)]),
);

/** What the check says of one file in a workspace that has a package of every kind. */
async function problemsOf(file: string, source: string): Promise<readonly string[]> {
  await using made = await folder({ ...workspace, [`packages/${file}`]: source });
  return layerProblems(await readPackages(made.path));
}

/** What the check says of a package of this kind, with this package.json and this one file. */
async function dependencyProblemsOf(kind: string, changes: Table, source: string): Promise<readonly string[]> {
  await using made = await folder({
    "packages/core/package.json": manifest("core", "core"),
    "packages/testing/package.json": manifest("testing", "testing"),
    "packages/testing/src/index.ts": 'export * from "@postroad/core";',
    "packages/it/package.json": manifest("it", kind, changes),
    "packages/it/src/index.ts": source,
  });
  return dependencyProblems(await readPackages(made.path));
}

describe("layers", () => {
  it.for([
    ["core/src/a.ts", 'import type { B } from "./b.ts";'],
    ["message/src/a.ts", 'import { envelope } from "@postroad/core";'],
    ["smtp/src/wire/a.ts", 'import { b } from "../b.ts"; import { connect } from "node:net";'],
    [
      "queue-sqlite/src/a.ts",
      'import type { Store } from "@postroad/queue"; import { DatabaseSync } from "node:sqlite";',
    ],
    ["mx/src/a.ts", 'import { smtp } from "@postroad/smtp"; import { retry } from "@postroad/retry";'],
    ["postroad/src/a.ts", 'export * from "@postroad/smtp"; export * from "@postroad/message";'],
    ["cli/src/a.ts", 'import { createMailer } from "postroad"; const config = await import(path);'],
    ["testing/src/a.ts", 'import { it } from "vitest"; import { receipt } from "@postroad/core";'],
  ])("%s may say %s", async ([file = "", source = ""]) => {
    expect(await problemsOf(file, source)).toEqual([]);
  });

  it.for([
    ["core/src/a.ts", 'import { connect } from "node:net";', "core runs everywhere and must not import"],
    ["core/src/a.ts", 'type Socket = import("node:net").Socket;', "core runs everywhere and must not import"],
    ["core/src/a.ts", 'import retry from "p-retry";', 'core must not import "p-retry"'],
    ["core/src/a.ts", 'export * from "@postroad/message";', "core must not import message"],
    ["message/src/a.ts", 'const { smtp } = await import("@postroad/smtp");', "message must not import transport"],
    ["smtp/src/a.ts", 'import { resend } from "@postroad/resend";', "transport must not import provider"],
    ["mx/src/a.ts", 'import { createMessage } from "@postroad/message";', "mx must not import message"],
    ["retry/src/a.ts", 'import type { Store } from "@postroad/queue";', "middleware must not import queue"],
    ["retry/src/a.ts", 'import "@postroad/testing";', "middleware must not import testing"],
    ["cli/src/a.ts", 'import { fake } from "@postroad/testing";', "app must not import testing"],
    ["queue-sqlite/src/a.ts", 'import { drain } from "@postroad/queue";', "may import only types of queue"],
    ["smtp/src/a.ts", 'import "../../core/src/index.ts";', "is outside of src/"],
    ["smtp/src/a.ts", 'import { b } from "../srcery/b.ts";', "is outside of src/"],
    ["smtp/src/a.ts", 'import { smtp } from "@postroad/smtp";', "imports its own package"],
    ["smtp/src/a.ts", 'import net from "net";', 'write "node:net"'],
    ["smtp/src/a.ts", "await import(name);", "known only at run time"],
  ])("%s must not say %s", async ([file = "", source = "", problem = ""]) => {
    expect(await problemsOf(file, `\n${source}`)).toEqual([expect.stringContaining(problem)]);
    expect((await problemsOf(file, `\n${source}`))[0]).toMatch(new RegExp(`^packages/${file}:2: `));
  });

  it("refuses a package that does not say its kind, or says one that has no rules", async () => {
    await using made = await folder({
      "packages/a/package.json": manifest("a", "transport", { postroad: {} }),
      "packages/b/package.json": manifest("b", "gadget"),
    });
    expect(layerProblems(await readPackages(made.path))).toEqual([
      expect.stringContaining("packages/a/package.json: has no postroad.kind; use one of core, "),
      expect.stringContaining('packages/b/package.json: has an unknown postroad.kind "gadget"'),
    ]);
  });
});

describe("dependencies", () => {
  const core = { "@postroad/core": "workspace:^" };
  const usesCore = 'import { receipt } from "@postroad/core";\n';

  it("are fine where package.json and the imports agree", async () => {
    const changes = {
      dependencies: { pg: "catalog:", "@types/pg": "catalog:", "@types/acme__lib": "1", "@acme/lib": "1" },
    };
    const source = `${usesCore}import pg from "pg/lib/x.js"; import type { A } from "@acme/lib";`;
    expect(await dependencyProblemsOf("transport", changes, source)).toEqual([]);
  });

  it.for([
    [
      "an import that is not declared",
      "transport",
      {},
      `${usesCore}import type { A } from "pg";`,
      "pg is imported in src/",
    ],
    [
      "one that only tests declare",
      "transport",
      { devDependencies: { ...core, pg: "1" } },
      `${usesCore}import "pg";`,
      "pg is imported",
    ],
    [
      "a declaration without an import",
      "transport",
      { dependencies: { pg: "1" } },
      usesCore,
      "pg is declared but src/",
    ],
    [
      "types without their package",
      "transport",
      { dependencies: { "@types/pg": "1" } },
      usesCore,
      "@types/pg is declared",
    ],
    [
      "core as a dependency",
      "transport",
      { peerDependencies: {}, dependencies: core },
      usesCore,
      "belongs in peerDependencies",
    ],
    [
      "core missing for the tests",
      "transport",
      { devDependencies: {} },
      usesCore,
      "belongs in devDependencies as well",
    ],
    [
      "core as a peer of the umbrella",
      "umbrella",
      { dependencies: {}, peerDependencies: core },
      usesCore,
      "belongs in dependencies",
    ],
    [
      "a pinned workspace range",
      "umbrella",
      { dependencies: { "@postroad/core": "workspace:*" } },
      usesCore,
      'use "workspace:',
    ],
  ] as const)("report %s", async ([, kind, changes, source, problem]) => {
    expect(await dependencyProblemsOf(kind, changes, source)).toEqual([
      expect.stringMatching(new RegExp(`^packages/it/package\\.json: .*${problem}`)),
    ]);
  });

  it("report testing where users would get it", async () => {
    const changes = { dependencies: { "@postroad/testing": "workspace:^" } };
    const problems = await dependencyProblemsOf("transport", changes, `${usesCore}import "@postroad/testing";`);
    expect(problems).toEqual(["packages/it/package.json: @postroad/testing is for tests; move it to devDependencies"]);
  });
});
