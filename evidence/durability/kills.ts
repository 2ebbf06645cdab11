import { setTimeout as sleep } from "node:timers/promises";
import { onFreePorts } from "../../interop/harness/ports.ts";
import type { HostConfig } from "./host.ts";
import { CONCURRENCY, startHost } from "./host.ts";
import type { Submission } from "./ledgers.ts";
import { drained, newPlace } from "./place.ts";
import { sendUntil } from "./senders.ts";
import { startSink } from "./sink.ts";
import type { Proof } from "./verdict.ts";
import { judge } from "./verdict.ts";

const SENDERS = 20;
/** Answers that it gives at most before it is killed, milliseconds that it may take for them, and that it lives after them. */
const LIFE = { answers: 50, patience: 5000, rest: 60 };
/** Every so many times it is killed while it starts, within this time. */
const AT_START = { every: 8, within: 400 };

/** Kills the process that accepts and delivers again and again while it is sent mail; then lets it finish, and judges. */
export async function kills(count: number, progress: (text: string) => void): Promise<readonly Proof[]> {
  await using place = await newPlace();
  await using sink = await startSink();
  const submissions: Submission[] = [];
  const stop = new AbortController();
  return await onFreePorts(async (freePort) => {
    const port = await freePort();
    const config = { folder: place.path, port, sink: sink.port };
    // One that ends in peace leaves its compiled code for the others, which so start in half the time.
    const first = startHost(config);
    await first.ready;
    await first.stop();
    const sending = Promise.all(Array.from({ length: SENDERS }, () => sendUntil(stop.signal, port, (each) => submissions.push(each))));
    const times: number[] = [];
    try {
      for (let number = 1; number <= count; number += 1) {
        await killOnce(config, number, submissions);
        await sink.idle();
        times.push(Date.now());
        if (number % 50 === 0) progress(`${number} kills, ${submissions.length} mails sent, ${sink.ledger.copies.length} copies arrived`);
      }
    } finally {
      stop.abort();
    }
    const last = startHost(config);
    await last.ready;
    await sending;
    const left = await drained(last);
    const code = await last.stop();
    const books = { submissions, sink: sink.ledger, settled: await place.settled(), kills: times, concurrency: CONCURRENCY };
    const leftovers = await place.leftovers();
    return [
      ...judge(books),
      {
        what: "I7: after the last start the queue drains by itself, and leaves no file behind",
        got: `${left} left, exit code ${code}, ${leftovers.length} files${leftovers.length > 0 ? ` (${leftovers.slice(0, 3).join(", ")})` : ""}`,
        holds: left === "nothing" && code === 0 && leftovers.length === 0,
      },
      { what: "I4: SQLite finds the database sound", got: place.integrity(), holds: place.integrity() === "ok" },
    ];
  });
}

async function killOnce(config: HostConfig, number: number, answered: { readonly length: number }): Promise<void> {
  const host = startHost(config);
  if (number % AT_START.every === 0) {
    await Promise.race([sleep(Math.random() * AT_START.within), host.exit]);
    await host.kill();
    return;
  }
  if ((await host.ready) === undefined) throw new Error(`the process ended before it was killed: ${host.complaints()}`);
  const enough = answered.length + Math.random() * LIFE.answers;
  for (let waited = 0; answered.length < enough && waited < LIFE.patience; waited += 2) await sleep(2);
  await sleep(Math.random() * LIFE.rest);
  await host.kill();
}
