// What does it cost to accept mail durably, and to deliver it, whatever else waits?
import { temporaryFolder } from "../../interop/harness/folder.ts";
import { BARE, BULLMQ, OURS, POSTFIX, keyOf } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import { startReceiver } from "../harness/receiver.ts";
import type { Sample } from "../harness/sample.ts";
import type { Metric } from "../harness/units.ts";
import { CPU, RATE, digits } from "../harness/units.ts";
import { runWorker } from "../harness/worker.ts";
import { DELAY } from "./delay.ts";
import { postfixAccepts, postfixThrough, withoutPostfix } from "./postfix.ts";
import { IN_FLIGHT } from "./queues/queue.ts";
import { startRedis, withoutRedis } from "./redis.ts";
import { BULK_RATE, MEDIAN, P99 } from "./urgent.ts";

const [SMALL, LARGE] = [1024, 10_240];
const WAITING = 100_000;
const LIMIT = { name: "limit of 250 ms", seconds: 0.25 };
/** Ours with one sender and with fewer entries, beside which ours with more of them stands. */
const ONE_SENDER = `${OURS}, 1 sender`;
const BARE_ONE_SENDER = `${BARE}, 1 sender`;
const COUNTS: Readonly<Record<string, number>> = { "1 M waiting": 1_000_000, "100 k waiting": 100_000, "1 k waiting": 1000 };

const THROUGH = `from queue to receiver, 1 KB, ${IN_FLIGHT} in flight`;
const accepting = (senders: number): string => `accepted, 10 KB, ${senders} ${senders === 1 ? "sender" : "senders"}`;
const COST = "an operation";
const URGENT = "urgent mail before 100 k others";

const absences = [[BULLMQ, withoutRedis()], [POSTFIX, withoutPostfix()]] as const;
for (const [name, reason] of absences) if (reason !== undefined) console.error(`bench: SKIPPED: ${name}, since ${reason}`);
const present = (...names: readonly string[]): readonly string[] =>
  names.filter((name) => !absences.some(([absent, reason]) => absent === name && reason !== undefined));

type Run = (contender: string, profile: string | undefined) => Promise<Sample>;
interface QueueCase {
  readonly name: string;
  readonly contenders: readonly string[];
  readonly metrics: readonly Metric[];
  readonly run: Run;
}

const rates = [RATE, CPU, DELAY];
const cases: readonly QueueCase[] = [
  { name: THROUGH, contenders: [OURS, BARE, ...present(BULLMQ, POSTFIX)], metrics: rates, run: through },
  ...[1, 10, 100].map((senders): QueueCase => ({
    name: accepting(senders),
    contenders: [OURS, BARE, ...(senders === 100 ? [ONE_SENDER, BARE_ONE_SENDER] : []), ...present(BULLMQ, POSTFIX)],
    metrics: rates,
    run: (contender, profile) => accepts(contender, senders, profile),
  })),
  { name: COST, contenders: Object.keys(COUNTS), metrics: ["add", "cpu of add", "claim and settle", "cpu of claim and settle"].map(cost), run: operation },
  { name: URGENT, contenders: [OURS, LIMIT.name, ...present(BULLMQ)], metrics: [MEDIAN, P99, BULK_RATE], run: urgent },
];

await answer({
  rounds: 3,
  cases,
  metrics: rates,
  goals: [
    { case: THROUGH, metric: RATE.name, against: BULLMQ, ratio: 8 },
    { case: accepting(100), metric: RATE.name, against: ONE_SENDER, ratio: 4 },
    { case: accepting(100), metric: RATE.name, against: POSTFIX, ratio: 5 },
    // At most 1.5 times the cost.
    { case: COST, metric: "add", against: "1 k waiting", ratio: 0.667 },
    { case: COST, metric: "claim and settle", against: "1 k waiting", ratio: 0.667 },
    { case: URGENT, metric: P99.name, against: LIMIT.name, ratio: 1 },
  ],
  run: ({ run }, contender, profile) => run(contender, profile),
});

async function through(contender: string, profile: string | undefined): Promise<Sample> {
  if (contender === POSTFIX) return postfixThrough(SMALL, IN_FLIGHT);
  await using receiver = await startReceiver();
  return await inQueue(contender, ["through", receiver.port, SMALL], profile);
}

function accepts(contender: string, senders: number, profile: string | undefined): Promise<Sample> {
  if (contender === POSTFIX) return postfixAccepts(LARGE, senders);
  const [name, count] = contender === ONE_SENDER ? [OURS, 1] : contender === BARE_ONE_SENDER ? [BARE, 1] : [contender, senders];
  return inQueue(name, ["accepts", count, LARGE], profile);
}

async function operation(contender: string, profile: string | undefined): Promise<Sample> {
  await using folder = await temporaryFolder("bench-cost");
  return await runWorker(new URL("cost-process.ts", import.meta.url), [folder.path, String(COUNTS[contender])], { profile, patience: 600_000 });
}

async function urgent(contender: string, profile: string | undefined): Promise<Sample> {
  if (contender === LIMIT.name) return { [P99.name]: LIMIT.seconds };
  await using receiver = await startReceiver();
  return await inQueue(contender, ["urgent", receiver.port, WAITING], profile);
}

/** A queue in a fresh process, with a place of its own for its data. */
async function inQueue(contender: string, task: readonly (string | number)[], profile: string | undefined): Promise<Sample> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder("bench-queue"));
  const redis = contender === BULLMQ ? stack.use(await startRedis()).port : 0;
  const args = [keyOf(contender), folder.path, redis, ...task].map(String);
  return await runWorker(new URL("queue-process.ts", import.meta.url), args, { profile });
}

function cost(name: string): Metric {
  return { name, better: "less", show: (seconds) => `${digits(seconds * 1e6)} µs` };
}
