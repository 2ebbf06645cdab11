import { keyOf } from "./peers.ts";
import type { Receiver } from "./receiver.ts";
import type { Sample } from "./sample.ts";
import { numberOf } from "./sample.ts";
import type { Task } from "./sender.ts";
import { runWorker } from "./worker.ts";

/** Who sends what. */
export interface Sending {
  /** A name and, apart from it, a version. */
  readonly contender: string;
  readonly connections: number;
  readonly mail: Task["mail"];
  /** Bytes of text in each mail. */
  readonly size: number;
  /** @default 1 */
  readonly recipients?: number;
  /** @default false */
  readonly tls?: boolean;
  /** So far away that waiting is most of the work: measured for a shorter time. @default false */
  readonly far?: boolean;
  readonly profile?: string | undefined;
}

/** One sender in a fresh process against the receiver, whose share of the CPU while it measured is added. */
export async function runSender(receiver: Receiver, sending: Sending): Promise<Sample> {
  const { contender, connections, mail, size, recipients = 1, tls = false, far = false, profile } = sending;
  const states: Promise<Sample>[] = [];
  const script = new URL("sender-process.ts", import.meta.url);
  const before = await receiver.state();
  const sample = await runWorker(script, [keyOf(contender), receiver.port, connections, mail, size, recipients, tls ? "tls" : "plain", far ? "far" : "near"].map(String), {
    profile,
    onWord: () => states.push(receiver.state()),
  });
  const [opened, closed] = await Promise.all(states);
  if (opened === undefined || closed === undefined) throw new Error(`${contender} did not say when its window was`);
  const taken = numberOf(await receiver.state(), "messages") - numberOf(before, "messages");
  if (taken !== numberOf(sample, "messages")) throw new Error(`${contender} sent ${sample.messages}, but ${taken} came`);
  return { ...sample, "receiver's cpu share": rise(opened, closed, "cpu") / rise(opened, closed, "at") };
}

function rise(from: Sample, to: Sample, name: string): number {
  return numberOf(to, name) - numberOf(from, name);
}
