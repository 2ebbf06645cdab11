// What does it cost to accept a mail of 1 KB? One process offers mail as smtp-source does, one takes it and forgets it.
import { OURS, SMTP_SERVER, keyOf } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import type { Sample } from "../harness/sample.ts";
import { numberOf } from "../harness/sample.ts";
import { startServer } from "../harness/receiver.ts";
import { CPU, KERNEL, MEMORY, RATE } from "../harness/units.ts";
import { runWorker } from "../harness/worker.ts";

const LOADS = [
  ["one mail a session", "single"],
  ["kept sessions", "kept"],
  ["kept sessions, pipelining", "pipelined"],
] as const;

const cases = LOADS.flatMap(([label, load]) =>
  [1, 5, 20].map((sessions) => ({ name: `1 KB, ${sessions} ${sessions === 1 ? "session" : "sessions"}, ${label}`, contenders: [OURS, SMTP_SERVER], sessions, load })),
);

await answer({
  cases,
  metrics: [RATE, CPU, KERNEL, MEMORY],
  goals: cases.flatMap(({ name }) => [RATE, CPU].map(({ name: metric }) => ({ case: name, metric, against: SMTP_SERVER, ratio: 0.9 }))),
  rounds: 3,
  async run({ sessions, load }, contender, profile) {
    await using server = await startServer(new URL("server-process.ts", import.meta.url), [keyOf(contender)], profile);
    const states: Promise<Sample>[] = [];
    const offered = await runWorker(new URL("load-process.ts", import.meta.url), [String(server.port), String(sessions), load], { onWord: () => states.push(server.state()) });
    const [opened, closed] = await Promise.all(states);
    if (opened === undefined || closed === undefined) throw new Error(`${contender} was not asked when the window was`);
    const last = await server.state();
    if (numberOf(last, "messages") !== numberOf(offered, "messages")) throw new Error(`${offered.messages} were offered, ${last.messages} taken`);
    return acceptance(opened, closed, last);
  },
});

/** What the server did between two moments. */
function acceptance(opened: Sample, closed: Sample, last: Sample): Sample {
  const rise = (name: string): number => numberOf(closed, name) - numberOf(opened, name);
  return {
    "messages per second": rise("messages") / rise("at"),
    "cpu per message": rise("cpu") / rise("messages"),
    "of it in the kernel": rise("system") / rise("messages"),
    "peak memory": numberOf(last, "memory"),
  };
}
