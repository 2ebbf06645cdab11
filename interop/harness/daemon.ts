import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { found } from "./changes.ts";
import { cpuOf } from "./processes.ts";

export interface DaemonOptions {
  /** A program that stays in the foreground, and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** The file it writes its log to, in the folder that goes when this process is killed. */
  readonly log: string;
  /** What the log says once it takes connections. */
  readonly ready: string;
  /** On top of this process's environment. @default {} */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that runs. Disposing ends it and every process it has started; so does the end of this process, however it comes. */
export interface Daemon extends AsyncDisposable {
  /** Seconds of CPU that it and every process it has started have used so far. */
  cpu(): Promise<number>;
}

/** Starts a server and waits until it is ready. */
export async function startDaemon({ command, log, ready, env = {} }: DaemonOptions): Promise<Daemon> {
  const folder = dirname(log);
  const keeper = await startKeeper(log, [folder, "env", ...Object.entries(env).map((pair) => pair.join("=")), ...command]);
  const ended = new AbortController();
  keeper.once("error", (error) => ended.abort(error));
  keeper.once("exit", () => ended.abort(new Error(`${command[0]} has ended`)));
  const probe = async (): Promise<true | undefined> => (await readFile(log, "utf8")).includes(ready) || undefined;
  try {
    const [group]: unknown[] = await once(keeper, "message", { signal: ended.signal });
    await found({ folder, sought: `${ready} in ${log}`, signal: ended.signal, probe });
    return { cpu: () => cpuOf(Number(group)), [Symbol.asyncDispose]: () => stop(keeper) };
  } catch (error) {
    await stop(keeper);
    throw await withLog(error, log);
  }
}

/** Its output, and that of the server, goes to the log. A signal from the keyboard is not for it. */
async function startKeeper(log: string, args: readonly string[]): Promise<ChildProcess> {
  await using output = await open(log, "a");
  const stdio = ["ignore", output.fd, output.fd, "ipc"] as const;
  return fork(new URL("keeper.ts", import.meta.url), args, { detached: true, execArgv: [], stdio: [...stdio] });
}

async function withLog(error: unknown, log: string): Promise<Error> {
  const end = (await readFile(log, "utf8")).split("\n").slice(-20);
  return new Error(`a server did not start; its log ends with:\n${end.join("\n")}`, { cause: error });
}

async function stop(keeper: ChildProcess): Promise<void> {
  if (keeper.exitCode !== null || keeper.signalCode !== null) return;
  const exit = once(keeper, "exit");
  // Where it does not get this any more, it is about to exit.
  keeper.send("end", () => undefined);
  await exit;
}
