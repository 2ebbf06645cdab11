// Fails where a package's exports, fields or references differ from its files.
import { exportProblems } from "./lib/exports.ts";
import { report } from "./lib/report.ts";
import { readPackages, root } from "./lib/workspace.ts";

const packages = await readPackages(root);
report("exports", await exportProblems(packages), `${packages.length} packages have the files they promise`);
