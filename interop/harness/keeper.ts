// Keeps a server for the process that forked this one: starts it in a process group of its own, tells its id, and ends all
// of the group when it is told to. When that process is gone before, be it killed, the server's folder goes too.
// keeper.ts <folder> <command> <arguments>
import { spawn } from "node:child_process";
import { once } from "node:events";
import { removeFolder } from "./folder.ts";
import { endGroup } from "./processes.ts";

/** Milliseconds a server may take to end, before it is ended. */
const GRACE = 10_000;

const [folder = "", command = "", ...args] = process.argv.slice(2);
const server = spawn(command, args, { detached: true, stdio: ["ignore", "inherit", "inherit"] });
server.once("spawn", () => process.send?.(server.pid));

const { promise: over, resolve } = Promise.withResolvers<void>();
server.once("exit", () => resolve());
process.once("message", () => resolve());
process.once("disconnect", () => resolve());
// It may have gone while this was being loaded.
if (!process.connected) resolve();
await over;
await end();
if (!process.connected) await removeFolder(folder);
process.exit();

async function end(): Promise<void> {
  const patience = AbortSignal.timeout(GRACE);
  patience.addEventListener("abort", () => server.kill("SIGKILL"), { once: true });
  if (server.exitCode === null && server.signalCode === null) {
    server.kill("SIGTERM");
    await once(server, "exit");
  }
  // What it leaves behind may still be talking to somebody.
  if (server.pid !== undefined) await endGroup(server.pid, patience);
}
