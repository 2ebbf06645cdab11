import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { installedModules, linkModules } from "../lib/modules.ts";
import { located, snippetsOf } from "../lib/snippets.ts";
import { typecheck } from "../lib/typecheck.ts";
import { readPackages, root } from "../lib/workspace.ts";
import { folder, manifest } from "./fixture.ts";

describe("snippetsOf", () => {
  it("keeps the line numbers of the document", () => {
    const [first, second] = snippetsOf("a.md", "text\n```ts\nconst a = 1;\n```\n```typescript\nconst b = 2;\n```\n");
    expect(first).toEqual({ source: "a.md", code: "\n\nconst a = 1;", line: 3 });
    expect(second?.code.split("\n").indexOf("const b = 2;")).toBe(5);
  });

  it("leaves out other languages and what is marked ignore", () => {
    expect(snippetsOf("a.md", "```js\nlet a\n```\n```ts ignore\n?\n```\n```\nplain\n```\n")).toEqual([]);
  });

  it("joins a continued block to the one before it, in place", () => {
    const text = "```ts\nconst a = 1;\n```\n\n```ts continued\nconst b = a;\n```\n```ts continued\nconst c = b;\n```\n";
    const snippets = snippetsOf("a.md", text);
    expect(snippets.map(({ code }) => code)).toEqual(["\nconst a = 1;\n\n\n\nconst b = a;\n\n\nconst c = b;"]);
  });

  it("refuses a mark it does not know, with its place", () => {
    expect(() => snippetsOf("a.md", "\n```ts ignored\n```\n")).toThrow('a.md:2: "ignored" is neither');
  });
});

describe("located", () => {
  const sources = new Map([["3.ts", "docs/use.md"]]);

  it("names the place in the document", () => {
    const line = "../../tmp/x/3.ts(12,5): error TS2322: Type 'a' is wrong (really).";
    expect(located(line, sources)).toBe("docs/use.md:12:5: error TS2322: Type 'a' is wrong (really).");
  });

  it("leaves other lines alone", () => {
    for (const line of ["  and more", "src/4.ts(1,1): error"]) expect(located(line, sources)).toBe(line);
  });
});

describe("typecheck", () => {
  it("checks a snippet against the source of a package, as a user would import it", async () => {
    await using made = await folder({
      "packages/core/package.json": manifest("core", "core"),
      "packages/core/src/index.ts": 'export * from "./count.ts";',
      "packages/core/src/count.ts": "export const count: number = 1;",
      "0.ts":
        'import { count } from "@postroad/core";\nexport const twice: number = (await Promise.resolve(count)) * 2;',
      "1.ts": 'import { count } from "@postroad/core";\n\nexport const wrong: string = count;',
    });
    await mkdir(join(made.path, "examples"));
    await writeFile(join(made.path, "packages/core/tsconfig.json"), "{}");
    await linkModules(made.path, await installedModules(made.path, await readPackages(made.path)));
    const lines = await typecheck(root, made.path, ["*.ts"], { types: [] });
    expect(lines).toEqual([expect.stringMatching(/1\.ts\(3,14\): error TS2322: /)]);
  });
});
