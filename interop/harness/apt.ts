import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

const OPTIONS = ["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::Retries=1"];

/** Runs apt-get, which asks nothing and waits for others who install. */
export async function aptGet(args: readonly string[], cwd?: string): Promise<void> {
  await run("apt-get", [...OPTIONS, ...args], { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, ...(cwd !== undefined && { cwd }) });
}

/** Removes nothing that is installed, such as another mail server, and starts nothing. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  console.error(`interop: installing ${packages.join(", ")}`);
  const release = await keepServicesDown();
  try {
    await aptGet(["update"]);
    await aptGet(["install", "-y", "--no-remove", "--no-install-recommends", ...packages]);
  } finally {
    await release();
  }
}

const POLICY = "/usr/sbin/policy-rc.d";

/** Debian starts a server that it installs, unless this script says no (101: forbidden by policy). */
async function keepServicesDown(): Promise<() => Promise<void>> {
  try {
    await writeFile(POLICY, "#!/bin/sh\nexit 101\n", { flag: "wx", mode: 0o755 });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return () => Promise.resolve();
    throw error;
  }
  return () => rm(POLICY);
}
