import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { importsOf, packageOf } from "../lib/imports.ts";

describe("importsOf", () => {
  it.for([
    ['import { a } from "x";', false],
    ['import a, * as b from "x";', false],
    ['import "x";', false],
    ['import type { A } from "x";', true],
    ['import { type A } from "x";', false],
    ['export { a } from "x";', false],
    ['export * from "x";', false],
    ['export type { A } from "x";', true],
    ['export type * from "x";', true],
    ['const a = await import("x");', false],
    ["const a = import(`x`);", false],
    ['type A = import("x").A;', true],
    ['type A = typeof import("x");', true],
    ['import a = require("x");', false],
    ['declare module "x" {}', true],
    ['/// <reference types="x" />', true],
    ['require("x");', false],
    ['require.resolve("x");', false],
    ['createRequire(import.meta.url)("x");', false],
    ['import.meta.resolve("x");', false],
    ['process.getBuiltinModule("x");', false],
  ] as const)("finds %s", ([source, typeOnly]) => {
    expect(importsOf("a.ts", source)).toEqual([{ specifier: "x", typeOnly, line: 1 }]);
  });

  it("tells a computed import apart from one that can be checked", () => {
    expect(importsOf("a.ts", "import(name)")).toEqual([{ specifier: undefined, typeOnly: false, line: 1 }]);
  });

  it("ignores what only looks like an import", () => {
    const source = ['// import "a";', 'const s = "import \\"b\\"";', "path.resolve('c');", "const t = `import('d')`;"];
    expect(importsOf("a.ts", source.join("\n"))).toEqual([]);
  });

  it("names the line of each, in order", () => {
    const source = '\nimport a from "a";\n\nexport function f(): unknown {\n  return import("b");\n}\n';
    expect(importsOf("a.ts", source).map(({ specifier, line }) => [specifier, line])).toEqual([
      ["a", 2],
      ["b", 5],
    ]);
  });

  it("refuses a file that does not parse, by name", () => {
    expect(() => importsOf("src/a.ts", "import {")).toThrow(/^src\/a\.ts: /);
  });

  it("finds every specifier, whatever characters it has", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (specifier) => {
        const [found] = importsOf("a.ts", `import x from ${JSON.stringify(specifier)};`);
        expect(found?.specifier).toBe(specifier);
      }),
    );
  });
});

describe("packageOf", () => {
  it.for([
    ["nodemailer", "nodemailer"],
    ["nodemailer/lib/mime-node", "nodemailer"],
    ["@postroad/core", "@postroad/core"],
    ["@postroad/core/sub/path", "@postroad/core"],
    ["./own.ts", undefined],
    ["../own.ts", undefined],
    ["#internal", undefined],
    ["node:fs", undefined],
    ["fs", undefined],
  ] as const)("%s belongs to %s", ([specifier, name]) => {
    expect(packageOf(specifier)).toBe(name);
  });
});
