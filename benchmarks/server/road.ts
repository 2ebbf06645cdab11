import { fork } from "node:child_process";
import { once } from "node:events";
import type { Receiver } from "../harness/receiver.ts";
import { arrived } from "../harness/receiver.ts";

/** Seconds to warm up, and that the measurement should take. */
const [WARM_UP, SPAN] = [2, 4];
/** Mails of the first batches. */
const TRIAL = 300;

/** A span that has been measured. */
export interface Batch {
  readonly messages: number;
  readonly seconds: number;
}

/**
 * Mails offered over kept sessions to the server on a port, until the last of them has come out at the receiver. Batches
 * warm it up; `onStart` is called before the one that counts, which begins with an empty queue.
 */
export async function throughout(port: number, receiver: Receiver, sessions: number, onStart: () => Promise<void> = async () => undefined): Promise<Batch> {
  const child = fork(new URL("batch-process.ts", import.meta.url), [String(port), String(sessions)]);
  // Once, and not for each batch: nobody takes the listener away.
  const gone = once(child, "exit").then(() => Promise.reject(new Error("a mail was refused")));
  let offered = 0;

  async function batch(messages: number): Promise<Batch> {
    const start = performance.now();
    const taken = once(child, "message");
    child.send(messages);
    await Promise.race([taken, gone]);
    offered += messages;
    await arrived(receiver, offered);
    return { messages, seconds: (performance.now() - start) / 1000 };
  }

  try {
    let last = await batch(TRIAL);
    for (let spent = last.seconds; spent < WARM_UP; spent += last.seconds) last = await batch(TRIAL);
    await onStart();
    return await batch(Math.max(TRIAL, Math.round((last.messages / last.seconds) * SPAN)));
  } finally {
    child.disconnect();
  }
}
