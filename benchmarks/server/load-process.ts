// Offers mail for a while, and tells how fast it was taken: load-process.ts <port> <sessions> <single|kept|pipelined> <cpu|sessions|disk>
import type { Times } from "../harness/measure.ts";
import { measure } from "../harness/measure.ts";
import { tell } from "../harness/worker.ts";
import { isKind, offer } from "./client.ts";

/** By what bounds it: sessions that end have a server wait too. */
const TIMES: Readonly<Record<string, Times>> = {
  cpu: { warmUp: { cpu: 2500, clock: 8000 }, window: { cpu: 800, clock: 3000 } },
  sessions: { warmUp: { cpu: 1500, clock: 3500 }, window: { cpu: 700, clock: 2500 } },
  disk: { warmUp: { cpu: Infinity, clock: 1500 }, window: { cpu: Infinity, clock: 2000 } },
};

const [port, sessions, kind, bound = ""] = process.argv.slice(2);
const times = TIMES[bound];
if (!isKind(kind) || times === undefined) throw new Error(`there is no load ${kind} bound by ${bound}`);
const work = { port: Number(port), sessions: Number(sessions), kind };
tell(await measure((load) => offer(work, { next: () => load.next() !== undefined, done: () => load.done() }), times, tell));
process.disconnect();
