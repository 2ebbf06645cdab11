/** How to read a metric: which way is better, and in which unit to show it. */
export interface Metric {
  readonly name: string;
  /** Not given: shown, but not compared. */
  readonly better?: "more" | "less";
  readonly show: (value: number) => string;
}

export const RATE: Metric = { name: "messages per second", better: "more", show: (value) => digits(value) };
export const CPU: Metric = { name: "cpu per message", better: "less", show: microseconds };
/** Sockets, mostly: what no program can save but by fewer reads and writes. */
export const KERNEL: Metric = { name: "of it in the kernel", show: microseconds };
export const MEMORY: Metric = { name: "peak memory", better: "less", show: megabytes };
export const CPU_SHARE: Metric = { name: "cpu share", show: percent };
export const RECEIVER_SHARE: Metric = { name: "receiver's cpu share", show: percent };

function microseconds(seconds: number): string {
  return `${digits(seconds * 1e6)} µs`;
}

export function megabytes(bytes: number): string {
  return `${digits(bytes / 1e6)} MB`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** Three significant digits, thousands apart. */
export function digits(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 }).replaceAll(",", "\u202f");
}
