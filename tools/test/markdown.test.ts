import { describe, expect, it } from "vitest";
import { blocksOf, fill, sectionsOf } from "../lib/markdown.ts";

describe("blocksOf", () => {
  it("gives the code, what follows the fence, and the line of the code", () => {
    const text = "# Title\n\n```ts\nconst a = 1;\nconst b = 2;\n```\n\ntext\n\n```ts ignore\nx\n```\n";
    expect(blocksOf(text)).toEqual([
      { info: "ts", code: "const a = 1;\nconst b = 2;", line: 4 },
      { info: "ts ignore", code: "x", line: 11 },
    ]);
  });

  it("ends a block only at a fence of its own kind and length", () => {
    const text = "````md\n```ts\ninner\n```\n````\n~~~ts\n```\n~~~\r\n";
    expect(blocksOf(text)).toEqual([
      { info: "md", code: "```ts\ninner\n```", line: 2 },
      { info: "ts", code: "```", line: 7 },
    ]);
  });

  it("takes neither inline code nor an unfinished block", () => {
    expect(blocksOf("a ```ts b``` c\n```not`info\n```ts\nconst a = 1;\n")).toEqual([]);
  });
});

describe("sectionsOf", () => {
  it("gives the rows of every table below its heading", () => {
    const text =
      "# A\n## B\n\n| id | what |\n| -- | ---- |\n| 1 | x \\| y |\n| 2 | |\n\n### C\ntext\n| h |\n|---|\n|z|\n";
    expect(sectionsOf(text)).toEqual([
      {
        title: "B",
        rows: [
          ["1", "x | y"],
          ["2", ""],
        ],
      },
      { title: "C", rows: [["z"]] },
    ]);
  });
});

describe("fill", () => {
  const text = "before\n<!-- x -->\nold\n<!-- /x -->\nafter\n";

  it("replaces what stands between the markers, and changes nothing the second time", () => {
    const filled = fill(text, "x", "new\n");
    expect(filled).toBe("before\n<!-- x -->\nnew\n<!-- /x -->\nafter\n");
    expect(fill(filled, "x", "new\n")).toBe(filled);
  });

  it.for([
    ["missing", "y"],
    ["reversed", "z"],
  ] as const)("refuses markers that are %s", ([, name]) => {
    expect(() => fill(`${text}<!-- /z -->\n<!-- z -->\n`, name, "")).toThrow(RangeError);
  });
});
