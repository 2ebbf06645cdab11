// A queue in a process of its own: queue-process.ts <contender> <folder> <Redis' port> <through|accepts|urgent> <arguments>
import { tell } from "../harness/worker.ts";
import type { Sample } from "../harness/sample.ts";
import type { DurableQueue, OpenQueue } from "./queues/queue.ts";
import { accepts, through } from "./tasks.ts";
import { urgent } from "./urgent.ts";

const QUEUES: Readonly<Record<string, () => Promise<OpenQueue>>> = {
  postroad: async () => (await import("./queues/postroad.ts")).postroad,
  bare: async () => (await import("./queues/bare.ts")).bare,
  bullmq: async () => (await import("./queues/bullmq.ts")).bullmq,
};
const TASKS: Readonly<Record<string, (queue: DurableQueue, a: number, b: number) => Promise<Sample>>> = {
  through: (queue, port, size) => through(queue, { port, size }),
  accepts: (queue, senders, size) => accepts(queue, { senders, size }),
  urgent: (queue, port, waiting) => urgent(queue, { port, waiting }),
};

const [contender = "", folder = "", redis, task = "", ...numbers] = process.argv.slice(2);
const open = await QUEUES[contender]?.();
const work = TASKS[task];
if (open === undefined || work === undefined) throw new Error(`there is no queue ${contender} or no task ${task}`);
await using queue = await open({ folder, port: Number(redis) });
const [a = NaN, b = NaN] = numbers.map(Number);
tell(await work(queue, a, b));
process.disconnect();
