// Fails on an import in packages/*/src that the layers forbid, and on package.json entries that imports contradict.
import { dependencyProblems } from "./lib/dependencies.ts";
import { layerProblems } from "./lib/layers.ts";
import { report } from "./lib/report.ts";
import { readPackages, root } from "./lib/workspace.ts";

const packages = await readPackages(root);
const problems = [...layerProblems(packages), ...dependencyProblems(packages)];
report("layers", problems, `${packages.length} packages import what they may, and declare what they import`);
