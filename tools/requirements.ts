// Lists which rows of docs/requirements.md have a test that names them, those of test:interop included. With --json as data.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compact, coverageOf, requirementsOf } from "./lib/requirements.ts";
import { testTitles } from "./lib/titles.ts";
import { root } from "./lib/workspace.ts";

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const sections = requirementsOf(await readFile(join(root, "docs", "requirements.md"), "utf8"));
const suites = await Promise.all([testTitles(root), testTitles(root, [], "interop/vitest.config.ts")]);
const coverage = coverageOf(sections, suites.flatMap((titles) => [...titles]));
const covered = coverage.reduce((sum, section) => sum + section.covered.length, 0);
const total = coverage.reduce((sum, section) => sum + section.total, 0);

if (values.json) console.log(JSON.stringify({ covered, total, sections: coverage }, null, 2));
else {
  console.log("| section | covered | rows without a test |\n| --- | ---: | --- |");
  for (const section of coverage) {
    console.log(`| ${section.section} | ${section.covered.length}/${section.total} | ${compact(section.uncovered)} |`);
  }
  console.log(`| all | ${covered}/${total} | |`);
}
