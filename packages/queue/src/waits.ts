import type { Deferred, Schedule } from "@postroad/core";
import { MAX_TIMER } from "@postroad/core";
import { warn } from "./notify.ts";

/** Whatever a peer asks for, it is asked again after a day. */
const LONGEST_ASKED = 86_400_000;
const WITHOUT_SCHEDULE = 1_800_000;

/** What the schedule says, as a wait that a clock can keep: at least a millisecond. What is no number, or throws, is half an hour. */
export function waitOf(schedule: Schedule, attempt: number, elapsed: number): number | undefined {
  try {
    const wait = schedule(attempt, elapsed);
    if (wait === undefined) return undefined;
    const whole = Math.ceil(wait);
    return Number.isNaN(whole) ? WITHOUT_SCHEDULE : Math.min(MAX_TIMER, Math.max(1, whole));
  } catch (error) {
    warn("schedule", error);
    return WITHOUT_SCHEDULE;
  }
}

/** The wait that a peer asks for, within reason. */
export function askedFor({ retryAfter = 0 }: Deferred): number {
  return retryAfter > 0 ? Math.min(retryAfter, LONGEST_ASKED) : 0;
}
