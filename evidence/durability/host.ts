import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { QueueStats } from "@postroad/queue";

/** Deliveries under way at most. */
export const CONCURRENCY = 20;
/** Milliseconds for which a lease holds: so long what was under way at a kill waits for the next attempt. */
export const LEASE = 1500;

export interface HostConfig {
  /** The database is in `mail` below it. */
  readonly folder: string;
  /** To listen on; 0 for any. */
  readonly port: number;
  /** Port of the sink. */
  readonly sink: number;
  /** Milliseconds that its clock is ahead. @default 0 */
  readonly offset?: number;
  /** @default both */
  readonly roles?: readonly ("accept" | "deliver")[];
  /** Milliseconds before the second attempt. @default 200 */
  readonly wait?: number;
}

/** What the process says. */
export type HostSays =
  | { readonly pid: number }
  | { readonly port: number }
  | { readonly stats: QueueStats; readonly claims: number }
  | { readonly settled: string }
  | { readonly lost: string }
  | { readonly dead: string };

export interface Host {
  readonly exit: Promise<unknown>;
  /** Its port, once it listens; undefined where it ended before. */
  readonly ready: Promise<number | undefined>;
  /** Keys of entries that were settled, whose lease was lost, or that were given up for a person to see, as it tells them. */
  readonly settled: readonly string[];
  readonly lost: readonly string[];
  readonly dead: readonly string[];
  /** What it wrote to its standard error. */
  readonly complaints: () => string;
  stats(): Promise<QueueStats & { readonly claims: number }>;
  /** From now on its clock is so many milliseconds ahead. */
  step(offset: number): void;
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** Kills it and waits for its end. */
  kill(): Promise<void>;
  /** Lets it finish what is in flight. Gives its exit code. */
  stop(): Promise<number | null>;
}

/** Those that run. One that is stopped would outlive this process, since it does not notice its end. */
const running = new Set<number>();
process.on("exit", () => {
  for (const pid of running) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has just ended by itself.
    }
  }
});

/** Starts the process, on its own or under `tracer`: a program with its arguments. */
export function startHost(config: HostConfig, tracer: readonly string[] = []): Host {
  const node = [process.execPath, ...process.execArgv];
  const [execPath = process.execPath, ...execArgv] = [...tracer, ...node];
  const child = fork(new URL("host-process.ts", import.meta.url), [JSON.stringify(config)], {
    execPath,
    execArgv,
    // Starts in half the time, once one of them has ended in peace.
    env: { ...process.env, NODE_COMPILE_CACHE: join(config.folder, "cache") },
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  // Under a tracer the child is that.
  let pid = child.pid ?? 0;
  const exit = once(child, "exit").finally(() => running.delete(pid));
  const told = { settled: new Array<string>(), lost: new Array<string>(), dead: new Array<string>() };
  let complaints = "";
  child.stderr?.on("data", (text: Buffer) => (complaints += text.toString()));
  child.on("message", (said: HostSays) => {
    if ("pid" in said) running.add((pid = said.pid));
    if ("settled" in said) told.settled.push(said.settled);
    if ("lost" in said) told.lost.push(said.lost);
    if ("dead" in said) told.dead.push(said.dead);
  });
  const port = answerOf(child, (said) => ("port" in said ? said.port : undefined));
  return {
    exit,
    ready: Promise.race([port, exit.then(() => undefined)]),
    ...told,
    complaints: () => complaints,
    async stats() {
      const answer = answerOf(child, (said) => ("stats" in said ? { ...said.stats, claims: said.claims } : undefined));
      child.send("stats");
      return Promise.race([answer, exit.then(() => {
        throw new Error(`the process has ended: ${complaints}`);
      })]);
    },
    step: (offset) => void child.send(offset),
    signal: (signal) => process.kill(pid, signal),
    async kill() {
      if (child.exitCode === null && child.signalCode === null) process.kill(pid, "SIGKILL");
      await exit;
    },
    async stop() {
      child.send("stop");
      await exit;
      return child.exitCode;
    },
  };
}

function answerOf<T>(child: ChildProcess, pick: (said: HostSays) => T | undefined): Promise<T> {
  return new Promise((resolve) => {
    child.on("message", function listen(said: HostSays) {
      const picked = pick(said);
      if (picked === undefined) return;
      child.off("message", listen);
      resolve(picked);
    });
  });
}
