// Offers mail for a while, and tells how fast it was taken: load-process.ts <port> <sessions> <single|kept|pipelined> <cpu|disk>
import type { Times } from "../harness/measure.ts";
import { measure } from "../harness/measure.ts";
import { tell } from "../harness/worker.ts";
import { isKind, offer } from "./client.ts";

/** By what it is bound. */
const TIMES: Readonly<Record<string, Times>> = {
  cpu: { warmUp: { cpu: 1200, clock: 3500 }, window: { cpu: 700, clock: 2500 } },
  disk: { warmUp: { cpu: Infinity, clock: 1500 }, window: { cpu: Infinity, clock: 2000 } },
};

const [port, sessions, kind, bound = ""] = process.argv.slice(2);
const times = TIMES[bound];
if (!isKind(kind) || times === undefined) throw new Error(`there is no load ${kind} bound by ${bound}`);
const work = { port: Number(port), sessions: Number(sessions), kind };
tell(await measure((load) => offer(work, { next: () => load.next() !== undefined, done: () => load.done() }), times, tell));
process.disconnect();
