import { execFile } from "node:child_process";
import { chmod, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { aptGet } from "./apt.ts";
import { temporaryFolder } from "./folder.ts";
import { NOBODY } from "./mailbox.ts";

const run = promisify(execFile);

/** Debian's package. It cannot be installed beside Postfix, and does not have to be. */
const PACKAGE = "exim4-daemon-light";

/** Exim in a folder that is removed when it is disposed. */
export interface EximProgram extends AsyncDisposable {
  readonly path: string;
}

/** Fetches the package and unpacks it; installs the libraries it needs where they are missing. Throws what apt-get and dpkg say. */
export async function unpackExim(): Promise<EximProgram> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder("exim-program")).path;
  try {
    await fetchInto(folder);
  } catch {
    // The lists of packages are not there yet, or too old.
    await aptGet(["update"]);
    await fetchInto(folder);
  }
  await aptGet(["install", "-y", "--no-upgrade", "--no-remove", "--no-install-recommends", "libnss-wrapper", ...(await libraries())]);
  const [archive = ""] = (await readdir(folder)).filter((name) => name.endsWith(".deb"));
  await run("dpkg", ["-x", join(folder, archive), folder]);
  const path = join(folder, "usr", "sbin", "exim4");
  // With its set-user-ID bit the loader would not let `namesFor` in once Exim has given up root.
  await chmod(path, 0o755);
  await runs(path, folder);
  const owned = stack.move();
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function fetchInto(folder: string): Promise<void> {
  await aptGet(["download", PACKAGE], folder);
}

/** The libraries that the package depends on, whatever they are called in this release. */
async function libraries(): Promise<readonly string[]> {
  const { stdout } = await run("apt-cache", ["depends", "--important", PACKAGE]);
  return Array.from(stdout.matchAll(/^ *Depends: (lib\S+)$/gm), ([, name = ""]) => name);
}

async function runs(path: string, folder: string): Promise<void> {
  const config = join(folder, "exim.conf");
  await writeFile(config, "keep_environment =\n");
  await run(path, ["-C", config, "-bV"], { env: await namesFor(folder) });
}

/**
 * The environment in which Exim runs: it insists on the user that the package would have made. nss_wrapper has nobody
 * answer to that name, so that the machine's users stay as they are.
 */
export async function namesFor(folder: string): Promise<Record<string, string>> {
  const [users, groups] = [join(folder, "passwd"), join(folder, "group")];
  await writeFile(users, `root:x:0:0::/root:/bin/sh\nDebian-exim:x:${NOBODY}:${NOBODY}::/nonexistent:/usr/sbin/nologin\n`);
  await writeFile(groups, `root:x:0:\nmail:x:8:\nDebian-exim:x:${NOBODY}:\n`);
  return { LD_PRELOAD: "libnss_wrapper.so", NSS_WRAPPER_PASSWD: users, NSS_WRAPPER_GROUP: groups, PATH: "/usr/bin:/bin" };
}
