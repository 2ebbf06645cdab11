import type { Sample } from "./sample.ts";

/** The work of one run: asks for mails until there are no more, and says when each is done. */
export interface Load {
  /** The number of the next mail, or undefined when time is up. */
  next(): number | undefined;
  /** Counts a mail as done. */
  done(): void;
}

/** A span ends with whichever comes first, in milliseconds: on a busy machine CPU time says more than the clock. */
export interface Span {
  readonly cpu: number;
  readonly clock: number;
}

export interface Times {
  /** Work before the window, for the compilers to settle. */
  readonly warmUp: Span;
  /** What is measured. */
  readonly window: Span;
}

/** The state of this process at one moment. Milliseconds. */
interface Reading {
  readonly clock: number;
  /** CPU in this program, all threads. */
  readonly user: number;
  /** CPU in the kernel on its behalf. */
  readonly system: number;
  readonly count: number;
}

/** Milliseconds between looks at the CPU time, which cost some themselves. */
const LOOK_EVERY = 20;

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
  let lookAt = 0;
  let count = 0;
  const start = reading(count);
  let opened: Reading | undefined;
  let closed: Reading | undefined;

  function look(): void {
    const now = reading(count);
    lookAt = now.clock + LOOK_EVERY;
    if (opened === undefined && isOver(warmUp, start, now)) {
      opened = now;
      onWindow("open");
    } else if (opened !== undefined && isOver(window, opened, now)) {
      closed = now;
      onWindow("closed");
    }
  }

  function next(): number | undefined {
    if (closed === undefined && performance.now() >= lookAt) look();
    return closed === undefined ? handedOut++ : undefined;
  }

  await work({ next, done: () => (count += 1) });
  if (opened === undefined || closed === undefined) throw new Error("the work ended before its time was up");
  return { messages: count, ...sampleOf(opened, closed) };
}

function reading(count: number): Reading {
  const { user, system } = process.cpuUsage();
  return { clock: performance.now(), user: user / 1000, system: system / 1000, count };
}

function isOver(span: Span, from: Reading, to: Reading): boolean {
  return to.clock - from.clock >= span.clock || to.user + to.system - from.user - from.system >= span.cpu;
}

function sampleOf(opened: Reading, closed: Reading): Sample {
  const count = closed.count - opened.count;
  const seconds = (closed.clock - opened.clock) / 1000;
  const system = (closed.system - opened.system) / 1000;
  const cpu = (closed.user - opened.user) / 1000 + system;
  return {
    "messages in the window": count,
    "messages per second": count / seconds,
    "cpu per message": cpu / count,
    "of it in the kernel": system / count,
    "cpu share": cpu / seconds,
    "peak memory": process.resourceUsage().maxRSS * 1024,
  };
}
