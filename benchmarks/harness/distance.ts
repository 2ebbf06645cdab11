import { fork } from "node:child_process";
import { once } from "node:events";
import type { Receiver } from "./receiver.ts";
import { isSample, numberOf } from "./sample.ts";

/** The same receiver, so many milliseconds away and back. */
export async function atDistance(receiver: Receiver, roundTrip: number): Promise<Receiver> {
  const child = fork(new URL("distance-process.ts", import.meta.url), [String(receiver.port), String(roundTrip)]);
  const [said]: unknown[] = await once(child, "message");
  if (!isSample(said)) throw new Error(`the delaying proxy said ${JSON.stringify(said)}`);
  return {
    port: numberOf(said, "port"),
    state: () => receiver.state(),
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}
