import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { open, readFile, readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { found } from "./changes.ts";

export interface DaemonOptions {
  /** A program that stays in the foreground, and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** The file it writes its log to. */
  readonly log: string;
  /** What the log says once it takes connections. */
  readonly ready: string;
  /** On top of this process's environment. @default {} */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that runs. Disposing ends it and every process it has started. */
export interface Daemon extends AsyncDisposable {
  /** Seconds of CPU that it and every process it has started have used so far. */
  cpu(): Promise<number>;
}

/** Milliseconds a server may take to end, before it is ended. */
const GRACE = 10_000;

/** Starts a server and waits until it is ready. */
export async function startDaemon({ command, log, ready, env = {} }: DaemonOptions): Promise<Daemon> {
  const output = await open(log, "a");
  // A process group of its own, to be found by; and no server outlives a test runner that is killed.
  const child = spawn("setpriv", ["--pdeathsig", "TERM", ...command], {
    detached: true,
    stdio: ["ignore", output.fd, output.fd],
    env: { ...process.env, ...env },
  });
  const ended = new AbortController();
  child.once("error", (error) => ended.abort(error));
  child.once("exit", () => ended.abort(new Error(`${command[0]} has ended`)));
  await output.close();
  const probe = async (): Promise<true | undefined> => (await readFile(log, "utf8")).includes(ready) || undefined;
  try {
    await found({ folder: dirname(log), sought: `${ready} in ${log}`, signal: ended.signal, probe });
  } catch (error) {
    await stop(child);
    throw await withLog(error, log);
  }
  return { cpu: () => cpuOf(child.pid ?? 0), [Symbol.asyncDispose]: () => stop(child) };
}

async function withLog(error: unknown, log: string): Promise<Error> {
  const end = (await readFile(log, "utf8")).split("\n").slice(-20);
  return new Error(`a server did not start; its log ends with:\n${end.join("\n")}`, { cause: error });
}

async function stop(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const patience = AbortSignal.timeout(GRACE);
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    patience.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
    await exit;
  }
  // Nothing tells a process when the children of its child are gone.
  while ((await livingMembers(pid)).length > 0) {
    if (patience.aborted) killGroup(pid);
    await sleep(5);
  }
}

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch (error) {
    // The last of them has just ended by itself.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** The processes of a group, but for those that have ended and that nobody has asked about yet. */
export async function livingMembers(group: number): Promise<readonly string[]> {
  return (await membersOf(group)).filter(({ state }) => state !== "Z").map(({ pid }) => pid);
}

/** Ticks of the clock in a second, as proc(5) counts CPU time: 100 on every Linux there is a Debian for. */
const TICKS = 100;

/** Of those that live, and of those of their children that have ended. */
async function cpuOf(group: number): Promise<number> {
  const ticks = (await membersOf(group)).reduce((sum, member) => sum + member.ticks, 0);
  return ticks / TICKS;
}

interface Member {
  readonly pid: string;
  readonly state: string;
  readonly ticks: number;
}

async function membersOf(group: number): Promise<readonly Member[]> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(processes.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")));
  return processes.flatMap((pid, index) => {
    // After the name in brackets: state, parent, group, and from the twelfth on user and system time, one's own and one's children's (proc(5)).
    const fields = stats[index]?.slice((stats[index] ?? "").lastIndexOf(")") + 2).split(" ") ?? [];
    const [state = "", , pgrp] = fields;
    const ticks = fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0);
    return pgrp === String(group) ? [{ pid, state, ticks }] : [];
  });
}
