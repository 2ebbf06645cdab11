import { once } from "node:events";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { StartServer } from "./server.ts";

/** Its code is run apart from ours: `process` is what both see. */
const PLUGIN = `
exports.hook_lookup_rdns = (next) => next(OK, "localhost");
exports.hook_rcpt = (next) => next(OK);
exports.hook_queue = (next, connection) => {
  process.emit("haraka:taken", connection.transaction.data_bytes);
  next(OK);
};
exports.hook_init_master = (next) => {
  process.emit("haraka:ready");
  next();
};
`;

/** In one process, with its own configuration but for one plugin, which takes everything without a lookup and forgets it; quiet. */
export const haraka: StartServer = async (counts, { folder }) => {
  const port = await freePort();
  const config = join(folder, "config");
  await cp(new URL("config/", import.meta.resolve("Haraka/package.json")), config, { recursive: true });
  await writeFile(join(config, "plugins"), "take\n");
  await writeFile(join(config, "smtp.ini"), `listen=127.0.0.1:${port}\nnodes=0\n`);
  await writeFile(join(config, "log.ini"), "[main]\nlevel=crit\nformat=default\n");
  await mkdir(join(folder, "plugins"));
  await writeFile(join(folder, "plugins", "take.js"), PLUGIN);
  const ready = once(process, "haraka:ready");
  process.on("haraka:taken", (bytes: unknown) => {
    counts.messages += 1;
    counts.bytes += Number(bytes);
  });
  // It speaks of itself on the standard output, where a benchmark says what it measured.
  console.error = () => undefined;
  process.stdout.write = () => true;
  process.env.HARAKA = folder;
  await import(import.meta.resolve("Haraka/haraka.js"));
  await ready;
  return port;
};

/** Haraka does not tell which port it was given. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
