import { basename } from "node:path";
import { rules } from "./layers.ts";
import type { Package } from "./workspace.ts";

/** One row per package that users can install: the umbrella first, then by kind in the order of the layers. */
export function packageTable(packages: readonly Package[]): string {
  const kinds = ["umbrella", ...rules.keys()];
  const sorted = packages
    .filter(({ manifest }) => !manifest.private)
    .toSorted((a, b) => kinds.indexOf(a.manifest.kind) - kinds.indexOf(b.manifest.kind));
  const rows = sorted.map(
    ({ dir, manifest: { name, kind, description } }) =>
      `| [\`${name}\`](packages/${basename(dir)}) | ${kind} | ${description.replaceAll("|", "\\|")} |`,
  );
  return ["| package | kind | what it is |", "| --- | --- | --- |", ...rows, ""].join("\n");
}
