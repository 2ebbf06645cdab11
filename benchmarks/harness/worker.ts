import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Sample } from "./sample.ts";
import { isSample } from "./sample.ts";

/** How a worker is started. */
export interface WorkerOptions {
  /** Writes a CPU profile of it into this folder. */
  readonly profile?: string | undefined;
  /** Called at every word it says before its sample. */
  readonly onWord?: (word: string) => void;
  /** Milliseconds after which a worker is stuck. @default 120_000 */
  readonly patience?: number;
}

/** Runs a script in a fresh process of this Node and gives the sample that it tells. */
export async function runWorker(script: URL, args: readonly string[], options: WorkerOptions = {}): Promise<Sample> {
  const { profile, onWord, patience = 120_000 } = options;
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${nameOf(args)}`];
  const child = fork(fileURLToPath(script), args, { execArgv: [...process.execArgv, ...profiling], timeout: patience });
  let sample: Sample | undefined;
  child.on("message", (said: unknown) => {
    if (typeof said === "string") onWord?.(said);
    else if (isSample(said)) sample = said;
  });
  const [code]: unknown[] = await once(child, "exit");
  if (sample === undefined || code !== 0) throw new Error(`${nameOf(args)} gave no sample and ended with ${String(code)}`);
  return sample;
}

/** For workers: tells the process that started this one. */
export function tell(word: string | Sample): void {
  process.send?.(word);
}

function nameOf(args: readonly string[]): string {
  return `${args.join(" ").replaceAll(/[^\w.]+/g, "-")}.cpuprofile`;
}
