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
/** How far the clock is ahead, one after the other. */
const STEPS = [0, 10 * DAYS, 0, -10 * DAYS, 0].map((offset) => ({ offset, name: `${offset / DAYS} days` }));
/** Milliseconds that each is watched for, and before the second attempt. */
const WATCHED = 3000;
const WAIT = 1000;
/** Entries that cannot be delivered, and questions to the store a second that they may cost. */
const STUCK = 30;
const CLAIMS = 40;

/**
 * Gives the process another clock again and again, while mail waits that nobody takes: first in a life of its own for each,
 * then while it runs.
 */
export async function clockSteps(): Promise<readonly Proof[]> {
  await using place = await newPlace();
  await using sink = await startSink();
  const proofs: Proof[] = [];
  const sent: Submission[] = [];
  for (const [life, { offset, name }] of STEPS.entries()) {
    const host = startHost({ folder: place.path, port: 0, sink: sink.port, offset, wait: WAIT });
    sent.push(...(await sendTo(host, life === 0 ? Array.from({ length: STUCK }, () => "never" as const) : [], ["taken", "later1"])));
    proofs.push(await watched(host, sink, `clock at ${name} from the start`));
    await host.kill();
  }
  const host = startHost({ folder: place.path, port: 0, sink: sink.port, wait: WAIT });
  for (const { offset, name } of STEPS.slice(1)) {
    sent.push(...(await sendTo(host, [], ["taken", "later1"])));
    host.step(offset);
    proofs.push(await watched(host, sink, `clock steps to ${name} while the process runs`));
  }
  const { due, waiting, leased } = await host.stats();
  await host.stop();
  return [...proofs, delivered(sent, sink), { what: "what nobody took is still there", got: `${due + waiting + leased} of ${STUCK}`, holds: due + waiting + leased === STUCK }];
}

async function watched(host: Host, sink: Sink, what: string): Promise<Proof> {
  const before = { claims: (await host.stats()).claims, attempts: attempts(sink) };
  await sleep(WATCHED);
  const { claims, dead } = await host.stats();
  const [asked, tried] = [(claims - before.claims) / (WATCHED / 1000), attempts(sink) - before.attempts];
  // In this time each is due twice after the first attempt, and the step may have made it due once more.
  const most = STUCK * (2 + WATCHED / WAIT) + 10;
  return {
    what: `${what}: the worker does not spin, and gives nobody up`,
    got: `${asked.toFixed(1)} claims a second, ${tried} attempts in ${WATCHED / 1000} s, ${sink.ledger.reports.length} reports, ${dead} dead`,
    holds: asked <= CLAIMS && tried <= most && sink.ledger.reports.length === 0 && dead === 0,
  };
}

function delivered(sent: readonly Submission[], sink: Sink): Proof {
  const arrived = new Set(sink.ledger.copies.map(({ recipient }) => recipient));
  const wanted = sent.filter(({ told }) => told === "accepted").flatMap(({ recipients }) => recipients.filter((each) => !each.startsWith("never")));
  const missing = wanted.filter((each) => !arrived.has(each));
  return {
    what: "mail that is sent or deferred before and between the steps is delivered all the same",
    got: `${wanted.length - missing.length} of ${wanted.length} recipients${missing.length > 0 ? `, not ${missing.slice(0, 3).join(", ")}` : ""}`,
    // Each life and each step had two recipients that are delivered to.
    holds: wanted.length === 2 * (2 * STEPS.length - 1) && missing.length === 0,
  };
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
