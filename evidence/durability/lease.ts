import { setTimeout as sleep } from "node:timers/promises";
import { LEASE, startHost } from "./host.ts";
import { drained, newPlace } from "./place.ts";
import { dial, draft, submit } from "./senders.ts";
import { startSink } from "./sink.ts";
import type { Proof } from "./verdict.ts";

/** A worker that is stopped for longer than its lease holds, in the middle of a delivery, while another one works. */
export async function stoppedWorker(): Promise<readonly Proof[]> {
  await using place = await newPlace();
  const first = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  let messages = 0;
  // The first message is answered when the test says so, the others at once.
  await using sink = await startSink(async () => {
    messages += 1;
    if (messages > 1) return;
    first.resolve();
    await answer.promise;
  });
  const config = { folder: place.path, port: 0, sink: sink.port };
  const stopped = startHost(config);
  const line = await dial((await stopped.ready) ?? 0);
  if (line === undefined) throw new Error("the process does not answer");
  const mail = await submit(line, draft(["taken"], 1000));
  await first.promise;
  stopped.signal("SIGSTOP");
  const other = startHost({ ...config, roles: ["deliver"] });
  await other.ready;
  const left = await drained(other);
  answer.resolve();
  stopped.signal("SIGCONT");
  await lostOne(stopped);
  const [settledThere, settledHere] = [stopped.settled.length, other.settled.length];
  await Promise.all([stopped.stop(), other.stop()]);
  line.socket.destroy();
  const copies = sink.ledger.copies.length;
  return [
    {
      what: `a worker that was stopped beyond its lease of ${LEASE} ms cannot settle`,
      got: `sender told ${mail.told}; ${left} left; the stopped worker lost ${stopped.lost.length} and settled ${settledThere}, the other settled ${settledHere}`,
      holds: mail.told === "accepted" && left === "nothing" && stopped.lost.length === 1 && settledThere === 0 && settledHere === 1,
    },
    { what: "and there is one copy more at most", got: `${copies} copies`, holds: copies >= 1 && copies <= 2 },
  ];
}

/** Milliseconds in which a worker notices. */
const PATIENCE = 30_000;

async function lostOne({ lost }: { readonly lost: readonly string[] }): Promise<void> {
  for (let waited = 0; lost.length === 0 && waited < PATIENCE; waited += 50) await sleep(50);
}
