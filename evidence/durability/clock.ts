import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "./host.ts";
import { startHost } from "./host.ts";
import type { Fate, Submission } from "./ledgers.ts";
import { newPlace } from "./place.ts";
import { dial, draft, submit } from "./senders.ts";
import type { Sink } from "./sink.ts";
import { startSink } from "./sink.ts";
import type { Proof } from "./verdict.ts";

const DAYS = 86_400_000;
/** How far the clock is ahead in each life of the process, which is killed between. */
const STEPS = [0, 10 * DAYS, 0, -10 * DAYS, 0].map((offset) => ({ offset, name: `${offset / DAYS} days` }));
/** Milliseconds that each life is watched for, and before the second attempt. */
const WATCHED = 3000;
const WAIT = 1000;
/** Entries that cannot be delivered, and questions to the store a second that they may cost. */
const STUCK = 30;
const CLAIMS = 40;

/** Restarts the process with another clock again and again, while mail waits that nobody takes. */
export async function clockSteps(): Promise<readonly Proof[]> {
  await using place = await newPlace();
  await using sink = await startSink();
  const proofs: Proof[] = [];
  const sent: Submission[] = [];
  for (const [life, { offset, name }] of STEPS.entries()) {
    const host = startHost({ folder: place.path, port: 0, sink: sink.port, offset, wait: WAIT });
    sent.push(...(await sendTo(host, life === 0 ? Array.from({ length: STUCK }, () => "never" as const) : [], ["taken", "later1"])));
    const before = { claims: (await host.stats()).claims, attempts: attempts(sink) };
    await sleep(WATCHED);
    const { claims, dead } = await host.stats();
    const [asked, tried] = [(claims - before.claims) / (WATCHED / 1000), attempts(sink) - before.attempts];
    // In this time each is due twice after the first attempt, and the restart may have made it due once more.
    const most = STUCK * (2 + WATCHED / WAIT) + 10;
    proofs.push({
      what: `clock at ${name}: the worker does not spin, and gives nobody up`,
      got: `${asked.toFixed(1)} claims a second, ${tried} attempts in ${WATCHED / 1000} s, ${sink.ledger.reports.length} reports, ${dead} dead`,
      holds: asked <= CLAIMS && tried <= most && sink.ledger.reports.length === 0 && dead === 0,
    });
    await host.kill();
  }
  const arrived = new Set(sink.ledger.copies.map(({ recipient }) => recipient));
  const wanted = sent.filter(({ told }) => told === "accepted").flatMap(({ recipients }) => recipients.filter((each) => !each.startsWith("never")));
  const missing = wanted.filter((each) => !arrived.has(each));
  const host = startHost({ folder: place.path, port: 0, sink: sink.port, wait: WAIT });
  await host.ready;
  const { due, waiting, leased } = await host.stats();
  await host.stop();
  return [
    ...proofs,
    {
      what: "mail that is sent or deferred before and between the steps is delivered all the same",
      got: `${wanted.length - missing.length} of ${wanted.length} recipients${missing.length > 0 ? `, not ${missing.slice(0, 3).join(", ")}` : ""}`,
      holds: wanted.length === 2 * STEPS.length && missing.length === 0,
    },
    { what: "what nobody took is still there", got: `${due + waiting + leased} of ${STUCK}`, holds: due + waiting + leased === STUCK },
  ];
}

function attempts(sink: Sink): number {
  return [...sink.attempts.values()].reduce((sum, each) => sum + each, 0);
}

/** A mail for each of the fates on its own, and one for all of the last together. */
async function sendTo(host: Host, single: readonly Fate[], together: readonly Fate[]): Promise<readonly Submission[]> {
  const line = await dial((await host.ready) ?? 0);
  if (line === undefined) throw new Error(`the process does not answer: ${host.complaints()}`);
  const sent: Submission[] = [];
  for (const fates of [...single.map((fate) => [fate]), together]) sent.push(await submit(line, draft(fates, 500)));
  line.socket.destroy();
  return sent;
}
