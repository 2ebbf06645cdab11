// Writes the table of packages into README.md; with --check it only fails where the table is not current.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fill } from "./lib/markdown.ts";
import { packageTable } from "./lib/package-table.ts";
import { report } from "./lib/report.ts";
import { readPackages, root } from "./lib/workspace.ts";

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const path = join(root, "README.md");
const current = await readFile(path, "utf8");
const wanted = fill(current, "packages", packageTable(await readPackages(root)));
if (!values.check) await writeFile(path, wanted);
const stale = values.check && wanted !== current;
report("package table", stale ? ["README.md: the table of packages is not current; run pnpm table"] : [], "is current");
