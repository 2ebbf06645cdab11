import { attempt, expire } from "./attempt.ts";
import type { Desk } from "./desk.ts";
import type { Policy } from "./drain-options.ts";
import type { Flight } from "./flights.ts";
import type { Progress } from "./progress.ts";
import { progressOf } from "./progress.ts";
import type { Entry } from "./store.ts";
import { tellOfDelay, tellOfEnds } from "./tell.ts";
import { writeDown } from "./write-down.ts";

/** One lease, from what is to be done with its entry to its being written down. Never rejects. */
export async function work(desk: Desk, flight: Flight): Promise<void> {
  const progress = progressOf(flight.lease.entry);
  const step = stepFor(desk, progress);
  if (step === "dead") {
    const { lapses } = progress.entry;
    progress.dead = { reason: "lapsed", note: `${lapses} workers stopped while they had it` };
  }
  if (step === "expire") expire(desk, progress);
  if (step === "attempt") await attempt(desk, flight, progress);
  // A worker that is stopped leaves it to the next one.
  if (!flight.controller.signal.aborted && progress.pending.length > 0) await tellOfDelay(desk, flight, progress);
  if (!flight.isLost && progress.owed.length + progress.untold.length > 0) await tellOfEnds(desk, flight, progress);
  await writeDown(desk, flight, progress);
}

type Step = "dead" | "expire" | "attempt" | "tell";

/** What is due. The store also gives what is too old, or late, from lanes that are parked: there nothing is attempted. */
function stepFor({ policy, lanes }: Desk, { entry, pending }: Progress): Step {
  const now = policy.clock.now();
  if (entry.lapses >= policy.lapses) return "dead";
  if (pending.length === 0) return "tell";
  if (entry.expiresAt !== undefined && entry.expiresAt <= now) return "expire";
  const isDead = lanes.isDead(entry.lane);
  if (now - entry.agesFrom >= policy.maxAge) return entry.attempts > 0 || isDead ? "expire" : "attempt";
  const isLate = isToBeToldOfDelay(policy, entry, now);
  return isLate && (isDead || entry.dueAt > now) ? "tell" : "attempt";
}

function isToBeToldOfDelay({ bounce, delayAfter }: Policy, { delayed, agesFrom }: Entry, now: number): boolean {
  return typeof bounce === "object" && delayAfter !== false && delayed !== true && now - agesFrom >= delayAfter;
}
