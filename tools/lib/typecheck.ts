import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Table } from "./workspace.ts";

/** Type-checks the .ts files of `folder` with the workspace's compiler and strictness; gives the compiler's lines. */
export async function typecheck(
  workspace: string,
  folder: string,
  include: readonly string[] = ["*.ts"],
  options: Table = {},
): Promise<readonly string[]> {
  const off = { composite: false, declaration: false, declarationMap: false, isolatedDeclarations: false };
  const config = {
    extends: join(workspace, "tsconfig.base.json"),
    compilerOptions: { ...off, noEmit: true, moduleDetection: "force", ...options },
    include,
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const tsc = join(workspace, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "--project", folder, "--pretty", "false"];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (error !== undefined) throw error;
  const lines = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
  return status === 0 || lines.length > 0 ? lines : [`tsc failed with ${status} and said nothing`];
}
