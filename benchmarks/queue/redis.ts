import { join } from "node:path";
import { startDaemon } from "../../interop/harness/daemon.ts";
import { temporaryFolder } from "../../interop/harness/folder.ts";
import { onFreePorts } from "../../interop/harness/ports.ts";
import { inPath } from "./programs.ts";

export interface Redis extends AsyncDisposable {
  readonly port: number;
}

/** Why there can be none, if so. */
export function withoutRedis(): string | undefined {
  return inPath("redis-server") ? undefined : "redis-server is not in the PATH";
}

/** Starts a Redis of one's own, which has written down and synced every change before it answers. */
export function startRedis(): Promise<Redis> {
  return onFreePorts(async (freePort) => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder("redis")).path;
    const port = await freePort();
    const options = { port, bind: "127.0.0.1", dir: folder, appendonly: "yes", appendfsync: "always", save: "" };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    stack.use(await startDaemon({ command: ["redis-server", ...args], log: join(folder, "log"), ready: "Ready to accept connections" }));
    const owned = stack.move();
    return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  });
}
