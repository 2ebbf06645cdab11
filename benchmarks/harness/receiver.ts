import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isSample, numberOf } from "./sample.ts";
import type { Sample } from "./sample.ts";

/** A process that takes mail over SMTP, as fast as it can, and forgets it. */
export interface Receiver extends AsyncDisposable {
  readonly port: number;
  /** So far: `messages`, `bytes`, seconds of `cpu`, and seconds it has run, `at`. */
  state(): Promise<Sample>;
}

/** Starts one that offers PIPELINING, and CHUNKING where asked for; with TLS from the first byte if `tls`. */
export function startReceiver(offers: "pipelining" | "chunking" = "pipelining", tls: boolean = false): Promise<Receiver> {
  return startServer(new URL("receiver-process.ts", import.meta.url), [offers, tls ? "tls" : "plain"]);
}

/** Starts any that says its `port`, and tells its state when it is asked. With `profile` it leaves a CPU profile in that folder. */
export async function startServer(script: URL, args: readonly string[], profile?: string): Promise<Receiver> {
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const child = fork(script, args, { execArgv: [...process.execArgv, ...profiling] });
  const port = numberOf(await answerOf(child), "port");
  return {
    port,
    state() {
      const answered = answerOf(child);
      child.send("state");
      return answered;
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}

async function answerOf(child: ChildProcess): Promise<Sample> {
  const [said]: unknown[] = await once(child, "message");
  if (!isSample(said)) throw new Error(`the receiver said ${JSON.stringify(said)}`);
  return said;
}

/** Milliseconds without a mail after which no more will come. */
const PATIENCE = 20_000;

/** Resolves when it has taken so many mails since it was started. */
export async function arrived(receiver: Receiver, count: number): Promise<void> {
  let last = { messages: 0, at: performance.now() };
  for (;;) {
    const messages = numberOf(await receiver.state(), "messages");
    if (messages >= count) return;
    if (messages > last.messages) last = { messages, at: performance.now() };
    if (performance.now() - last.at > PATIENCE) throw new Error(`of ${count} mails ${messages} arrived`);
    await sleep(2);
  }
}
