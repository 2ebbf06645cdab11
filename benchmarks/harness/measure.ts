import type { Sample } from "./sample.ts";

/** The work of one run: asks for mails until there are no more, and says when each is done. */
export interface Load {
  /** The number of the next mail, or undefined when time is up. */
  next(): number | undefined;
  /** Counts a mail as done. */
  done(): void;
}

export interface Times {
  /** Milliseconds of work before the window, for the compilers to settle. */
  readonly warmUp: number;
  /** Milliseconds that are measured. */
  readonly window: number;
}

/** The state of this process at one moment. */
interface Reading {
  /** Seconds. */
  readonly at: number;
  /** Seconds of CPU: user and system, all threads. */
  readonly cpu: number;
  readonly count: number;
}

/**
 * Works through warm-up and window without a break and measures the window alone, but for the peak memory, which is
 * the whole process's, and `messages`, which are all. `onWindow` is called as the window opens and as it closes.
 */
export async function measure(
  work: (load: Load) => Promise<void>,
  { warmUp, window }: Times,
  onWindow: (is: "open" | "closed") => void = () => undefined,
): Promise<Sample> {
  let handedOut = 0;
  let count = 0;
  let opened: Reading | undefined;
  let closed: Reading | undefined;
  const opensAt = performance.now() + warmUp;

  function next(): number | undefined {
    const now = performance.now();
    if (opened === undefined && now >= opensAt) {
      onWindow("open");
      opened = reading(count);
    }
    if (now < opensAt + window) return handedOut++;
    if (closed === undefined) {
      closed = reading(count);
      onWindow("closed");
    }
    return undefined;
  }

  await work({ next, done: () => (count += 1) });
  if (opened === undefined || closed === undefined) throw new Error("the work ended before its time was up");
  return { messages: count, ...sampleOf(opened, closed) };
}

function reading(count: number): Reading {
  const { user, system } = process.cpuUsage();
  return { at: performance.now() / 1000, cpu: (user + system) / 1e6, count };
}

function sampleOf(opened: Reading, closed: Reading): Sample {
  const count = closed.count - opened.count;
  const cpu = closed.cpu - opened.cpu;
  const seconds = closed.at - opened.at;
  return {
    "messages per second": count / seconds,
    "cpu per message": cpu / count,
    "cpu share": cpu / seconds,
    "peak memory": process.resourceUsage().maxRSS * 1024,
  };
}
