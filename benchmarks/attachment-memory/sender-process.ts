// Sends a file in a process of its own: sender-process.ts <contender> <port> <path>
import { tell } from "../harness/worker.ts";
import type { Open } from "./attach.ts";

const SENDERS: Readonly<Record<string, () => Promise<Open>>> = {
  postroad: async () => (await import("./postroad.ts")).postroad,
  nodemailer: async () => (await import("./nodemailer.ts")).nodemailer,
  upyo: async () => (await import("./upyo.ts")).upyo,
};

const [contender = "", port, path = ""] = process.argv.slice(2);
const open = await SENDERS[contender]?.();
if (open === undefined) throw new Error(`there is no sender ${contender}`);

{
  await using sender = open(Number(port));
  // Idle is after a first mail: with everything loaded and connected.
  await sender.send(undefined);
  const idle = process.memoryUsage.rss();
  const before = process.cpuUsage();
  await sender.send(path);
  const { user, system } = process.cpuUsage(before);
  const peak = process.resourceUsage().maxRSS * 1024;
  tell({ "peak memory above idle": peak - idle, cpu: (user + system) / 1e6 });
}
process.disconnect();
