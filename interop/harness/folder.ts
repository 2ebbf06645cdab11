import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** A temporary folder that every user of the machine may pass through. Gone when disposed. */
export async function temporaryFolder(name: string): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), `postroad-${name}-`));
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => removeFolder(path) };
}

/** With all that is in it; it may be gone already. */
export async function removeFolder(path: string): Promise<void> {
  // A process that is about to end may still write a file while the rest is removed.
  await rm(path, { recursive: true, force: true, maxRetries: 5 });
}
