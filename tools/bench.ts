// Runs a benchmark: pnpm bench <question> [--json]. Without a name it lists what there is.
import { join } from "node:path";
import { runEntry } from "./lib/entries.ts";
import { root } from "./lib/workspace.ts";

process.exitCode = await runEntry(join(root, "benchmarks"), process.argv.slice(2));
