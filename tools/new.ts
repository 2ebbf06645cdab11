// Makes a package that already passes its conformance suite: pnpm new transport|middleware|store <name>.
import { spawnSync } from "node:child_process";
import { relative } from "node:path";
import { scaffold } from "./lib/scaffold.ts";
import { root } from "./lib/workspace.ts";

const usage = "use: pnpm new transport|middleware|store <name>";
const [kind = "", name = "", ...rest] = process.argv.slice(2);
try {
  if (kind === "" || name === "" || rest.length > 0) throw new RangeError(usage);
  for (const file of await scaffold(root, kind, name)) console.log(relative(root, file));
  process.exitCode = finish();
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

/** Links the new package and lists it in README.md: all that other files need to know of it. */
function finish(): number {
  for (const args of [["install", "--no-frozen-lockfile"], ["table"]]) {
    const { status, error } = spawnSync("pnpm", args, { cwd: root, stdio: "inherit" });
    if (error !== undefined) throw error;
    if (status !== 0) return 1;
  }
  console.log(`next: pnpm unit packages/${name}`);
  return 0;
}
