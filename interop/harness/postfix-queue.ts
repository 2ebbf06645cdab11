import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Somebody to whom a mail could not be delivered yet. */
export interface Waiting {
  readonly address: string;
  /** What the next server said, or what else went wrong. */
  readonly reason: string;
}

export interface PostfixQueue {
  /** Recipients that wait in its queue, by address, once nothing is under way. */
  waiting(): Promise<readonly Waiting[]>;
  /** Tries everything that waits again, now. */
  flush(): Promise<void>;
}

/** Milliseconds it may take until nothing is under way. */
const PATIENCE = 40_000;

/** The queue of the instance in a folder. */
export function queueIn(folder: string): PostfixQueue {
  const postqueue = async (flag: string): Promise<string> => (await run("postqueue", ["-c", join(folder, "etc"), flag])).stdout;
  return {
    async waiting() {
      const until = performance.now() + PATIENCE;
      for (;;) {
        const entries = (await postqueue("-j")).split("\n").filter((line) => line !== "").map(entryOf);
        if (entries.every(({ queue }) => queue === "deferred")) return byAddress(entries.flatMap(({ recipients }) => recipients));
        if (performance.now() > until) throw new Error(`Postfix did not finish within ${PATIENCE} ms`);
        // Nothing tells when a mail has moved from one queue to another.
        await sleep(20);
      }
    },
    flush: async () => void (await postqueue("-f")),
  };
}

function byAddress(recipients: readonly Waiting[]): readonly Waiting[] {
  return recipients.toSorted((a, b) => (a.address < b.address ? -1 : 1));
}

interface Entry {
  readonly queue: string;
  readonly recipients: readonly Waiting[];
}

function entryOf(line: string): Entry {
  const entry: unknown = JSON.parse(line);
  if (!isRecord(entry) || !Array.isArray(entry.recipients)) throw new Error(`postqueue says ${line}`);
  const recipients = entry.recipients.filter(isRecord);
  return {
    queue: String(entry.queue_name),
    recipients: recipients.map(({ address, delay_reason: reason = "" }) => ({ address: String(address), reason: String(reason) })),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
