// What does it cost to accept a mail of 1 KB, to forget it, to keep it on disk, or to relay it?
import { temporaryFolder } from "../../interop/harness/folder.ts";
import { startPostfix } from "../../interop/harness/postfix.ts";
import { HARAKA, OURS, POSTFIX, SMTP_SERVER, keyOf } from "../harness/peers.ts";
import type { Case } from "../harness/question.ts";
import { answer } from "../harness/question.ts";
import type { Receiver } from "../harness/receiver.ts";
import { startReceiver, startServer } from "../harness/receiver.ts";
import type { Sample } from "../harness/sample.ts";
import { numberOf } from "../harness/sample.ts";
import { CPU, KERNEL, MEMORY, RATE } from "../harness/units.ts";
import { runWorker } from "../harness/worker.ts";
import { relaying, withoutPostfix } from "../queue/postfix.ts";
import type { Kind } from "./client.ts";
import { throughout } from "./road.ts";

interface Load {
  readonly sessions: number;
  readonly kind: Kind;
}

interface ServerCase extends Case {
  readonly run: (contender: string, profile: string | undefined) => Promise<Sample>;
}

const LABELS: Readonly<Record<Kind, string>> = { single: "one mail a session", kept: "kept sessions", pipelined: "kept sessions, pipelining" };
const LOADS: readonly Load[] = [
  ...(["single", "kept"] as const).flatMap((kind) => [1, 5, 20].map((sessions) => ({ sessions, kind }))),
  { sessions: 5, kind: "pipelined" },
];
const DURABLE: readonly Load[] = [...[1, 5, 20].map((sessions): Load => ({ sessions, kind: "kept" })), { sessions: 20, kind: "single" }];
const ROAD = 20;
const nameOf = (task: string, { sessions, kind }: Load): string => `${task}, ${sessions} ${sessions === 1 ? "session" : "sessions"}, ${LABELS[kind]}`;

const reason = withoutPostfix();
if (reason !== undefined) console.error(`bench: SKIPPED: ${POSTFIX}, since ${reason}`);
const durable = [OURS, ...(reason === undefined ? [POSTFIX] : [])];

const discarded = LOADS.map((load): ServerCase => ({
  name: nameOf("discarded", load),
  contenders: [OURS, SMTP_SERVER, HARAKA],
  run: (contender, profile) => taken(contender, "discarding", load, profile),
}));
const onDisk = DURABLE.map((load): ServerCase => ({
  name: nameOf("on disk", load),
  contenders: durable,
  run: (contender, profile) => (contender === POSTFIX ? heldByPostfix(load) : taken(contender, "queueing", load, profile)),
}));
const relayed: ServerCase = {
  name: nameOf("whole road", { sessions: ROAD, kind: "kept" }),
  contenders: durable,
  run: (contender, profile) => (contender === POSTFIX ? throughPostfix() : through(profile)),
};

await answer({
  cases: [...discarded, ...onDisk, relayed],
  metrics: [RATE, CPU, KERNEL, MEMORY],
  goals: [
    ...discarded.flatMap(({ name }) => [RATE, CPU].map(({ name: metric }) => ({ case: name, metric, against: SMTP_SERVER, ratio: 0.9 }))),
    ...[...onDisk, relayed].map(({ name }) => ({ case: name, metric: RATE.name, against: POSTFIX, ratio: 2 })),
  ],
  rounds: 2,
  run: ({ run }, contender, profile) => run(contender, profile),
});

/** A server in a fresh process, with a place of its own for its files. */
async function launch(contender: string, task: string, receiver: number, profile: string | undefined): Promise<Receiver> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder("bench-server")).path;
  const server = stack.use(await startServer(new URL("server-process.ts", import.meta.url), [keyOf(contender), task, folder, String(receiver)], profile));
  const owned = stack.move();
  return { ...server, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What a server did between two moments, as it says itself. */
async function taken(contender: string, task: "discarding" | "queueing", load: Load, profile: string | undefined): Promise<Sample> {
  await using server = await launch(contender, task, 0, profile);
  const states: Promise<Sample>[] = [];
  const offered = await offers(server.port, load, task, () => states.push(server.state()));
  const [opened, closed] = await Promise.all(states);
  if (opened === undefined || closed === undefined) throw new Error(`${contender} was not asked when the window was`);
  const last = await server.state();
  if (numberOf(last, "messages") !== numberOf(offered, "messages")) throw new Error(`${offered.messages} were offered, ${last.messages} taken`);
  return { ...cost(opened, closed), "peak memory": numberOf(last, "memory") };
}

function offers(port: number, { sessions, kind }: Load, task: "discarding" | "queueing", onWord: () => void): Promise<Sample> {
  const bound = task === "queueing" ? "disk" : kind === "single" ? "sessions" : "cpu";
  return runWorker(new URL("load-process.ts", import.meta.url), [port, sessions, kind, bound].map(String), { onWord });
}

function cost(opened: Sample, closed: Sample): Sample {
  const rise = (name: string): number => numberOf(closed, name) - numberOf(opened, name);
  return {
    [RATE.name]: rise("messages") / rise("at"),
    [CPU.name]: rise("cpu") / rise("messages"),
    [KERNEL.name]: rise("system") / rise("messages"),
  };
}

/** Postfix holds every mail in its queue: it has synced it, and does nothing more. */
async function heldByPostfix(load: Load): Promise<Sample> {
  await using postfix = await startPostfix({ settings: { ...relaying(9), smtpd_client_restrictions: "check_client_access static:HOLD" } });
  const spent: Promise<number>[] = [];
  const offered = await offers(postfix.ports.relay, load, "queueing", () => spent.push(postfix.cpu()));
  const [opened = NaN, closed = NaN] = await Promise.all(spent);
  return { [RATE.name]: numberOf(offered, RATE.name), [CPU.name]: (closed - opened) / numberOf(offered, "messages in the window") };
}

async function throughPostfix(): Promise<Sample> {
  await using receiver = await startReceiver();
  await using postfix = await startPostfix({ settings: relaying(receiver.port) });
  let before = NaN;
  const { messages, seconds } = await throughout(postfix.ports.relay, receiver, ROAD, async () => void (before = await postfix.cpu()));
  return { [RATE.name]: messages / seconds, [CPU.name]: ((await postfix.cpu()) - before) / messages };
}

async function through(profile: string | undefined): Promise<Sample> {
  await using receiver = await startReceiver();
  await using server = await launch(OURS, "relaying", receiver.port, profile);
  const states: Sample[] = [];
  const { messages, seconds } = await throughout(server.port, receiver, ROAD, async () => void states.push(await server.state()));
  const last = await server.state();
  const [first = last] = states;
  return { ...cost(first, last), [RATE.name]: messages / seconds, "peak memory": numberOf(last, "memory") };
}
