import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Sample } from "../harness/sample.ts";
import type { Metric } from "../harness/units.ts";
import { digits } from "../harness/units.ts";

/** How late the event loop comes to a timer, in seconds: so long everything else that the process does has to wait. */
export const DELAY: Metric = { name: "event loop delay, p99", better: "less", show: (seconds) => `${digits(seconds * 1000)} ms` };

/** Milliseconds between its looks at the clock, of which it counts every one as a delay. */
const RESOLUTION = 1;

/** Watches the event loop while the window of a measurement is open. */
export function delayMonitor(): {
  readonly onWindow: (is: "open" | "closed") => void;
  readonly sample: () => Sample;
} {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  return {
    onWindow(is) {
      if (is === "open") histogram.enable();
      else histogram.disable();
    },
    sample: () => ({ [DELAY.name]: Math.max(0, histogram.percentile(99) / 1e9 - RESOLUTION / 1000) }),
  };
}
