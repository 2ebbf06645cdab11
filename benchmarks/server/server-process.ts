// A server in a process of its own, which tells what it has taken whenever it is asked:
// server-process.ts <postroad|smtp-server|haraka> <discarding|queueing|relaying> <folder> <receiver's port>
import type { Counts, StartServer } from "./servers/server.ts";

/** Each loads its own code alone. */
const SERVERS: Readonly<Record<string, () => Promise<StartServer>>> = {
  "postroad discarding": async () => (await import("./servers/postroad.ts")).discarding,
  "postroad queueing": async () => (await import("./servers/postroad.ts")).queueing,
  "postroad relaying": async () => (await import("./servers/postroad.ts")).relaying,
  "smtp-server discarding": async () => (await import("./servers/smtp-server.ts")).smtpServer,
  "haraka discarding": async () => (await import("./servers/haraka.ts")).haraka,
};

const [name, task, folder = "", receiver] = process.argv.slice(2);
const start = await SERVERS[`${name} ${task}`]?.();
if (start === undefined) throw new Error(`there is no server ${name} ${task}`);
const counts: Counts = { messages: 0, bytes: 0 };
process.send?.({ port: await start(counts, { folder, receiver: Number(receiver) }) });
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  const memory = process.resourceUsage().maxRSS * 1024;
  process.send?.({ ...counts, cpu: (user + system) / 1e6, system: system / 1e6, memory, at: performance.now() / 1000 });
});
process.on("disconnect", () => process.exit());
