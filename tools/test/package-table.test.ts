import { describe, expect, it } from "vitest";
import { packageTable } from "../lib/package-table.ts";
import { readPackages } from "../lib/workspace.ts";
import { folder, manifest } from "./fixture.ts";

describe("packageTable", () => {
  it("lists public packages, the umbrella first and then in the order of the layers", async () => {
    await using made = await folder({
      "packages/core/package.json": manifest("core", "core"),
      "packages/a-retry/package.json": manifest("a-retry", "middleware", { description: "Tries again | later" }),
      "packages/smtp/package.json": manifest("smtp", "transport"),
      "packages/postroad/package.json": manifest("postroad", "umbrella"),
      "packages/secret/package.json": manifest("secret", "transport", { private: true }),
    });
    expect(packageTable(await readPackages(made.path)).split("\n")).toEqual([
      "| package | kind | what it is |",
      "| --- | --- | --- |",
      "| [`postroad`](packages/postroad) | umbrella | What postroad does |",
      "| [`@postroad/core`](packages/core) | core | What core does |",
      "| [`@postroad/smtp`](packages/smtp) | transport | What smtp does |",
      "| [`@postroad/a-retry`](packages/a-retry) | middleware | Tries again \\| later |",
      "",
    ]);
  });
});
