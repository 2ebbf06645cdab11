import type { Mail, Receipt, Recipient } from "@postroad/core";
import { Refusal, receipt, verdictOf } from "@postroad/core";
import type { Desk } from "./desk.ts";
import { aboutOf, describe } from "./desk.ts";
import type { Policy } from "./drain-options.ts";
import type { Flight } from "./flights.ts";
import { plain } from "./plain.ts";
import type { Progress } from "./progress.ts";
import { doubtful, giveUp, take } from "./progress.ts";
import { askedFor, waitOf } from "./waits.ts";

/** Sends to who is pending, takes in what came of it, and plans what is next. */
export async function attempt(desk: Desk, flight: Flight, progress: Progress): Promise<void> {
  const { policy, lanes, emit } = desk;
  const { entry } = progress;
  const targets = targetsOf(progress, policy);
  if (targets.length > 0) {
    const visit = lanes.enter(flight.lease);
    const got = await deliver(desk, flight, progress, targets);
    // What we abort says nothing of the destination, unless that was why.
    const isAborted = flight.controller.signal.aborted && !flight.isOverdue;
    await visit.leave(isAborted ? undefined : got.outcomes);
    take(progress, got);
    emit({ kind: "attempt", at: policy.clock.now(), ...aboutOf(entry), attempt: progress.attempts, outcomes: got.outcomes });
  }
  if (progress.pending.length > 0) plan(desk, progress);
}

/** Who is in doubt is left alone where the policy is to stop, unless a person began anew. */
function targetsOf(progress: Progress, { uncertain }: Policy): readonly Recipient[] {
  if (uncertain === "retry" || progress.attempts === 0) return progress.pending;
  const left = new Set(doubtful(progress));
  return progress.pending.filter((recipient) => !left.has(recipient));
}

async function deliver(desk: Desk, flight: Flight, progress: Progress, targets: readonly Recipient[]): Promise<Receipt> {
  const { name, store, to, flights, policy } = desk;
  const { lease, controller } = flight;
  const { mail: id, envelope } = lease.entry;
  const whole: Omit<Mail, "content"> = { id, envelope: { ...envelope, to: targets }, meta: progress.meta };
  const unknown = (message: string): Receipt =>
    receipt({ ...whole, content: nothing }, { kind: "deferred", status: "4.4.2", by: to.name, message, uncertain: true });
  let got: Receipt | undefined;
  try {
    const mail: Mail = { ...whole, content: store.read(lease) };
    got = await flights.watch(flight, to.send(mail, { signal: controller.signal }));
  } catch (error) {
    // Our own trouble, whatever the store calls it: it bounces nobody.
    const isOurs = error instanceof Refusal && error.status.startsWith("4.");
    const refusal = isOurs ? error : new Refusal("4.3.0", "the content could not be read", { cause: error });
    return receipt({ ...whole, content: nothing }, verdictOf(refusal, name));
  }
  if (got === undefined) return unknown(`${to.name} did not settle within ${policy.deadline + policy.grace} ms`);
  try {
    return { ...got, outcomes: got.outcomes.map(plain) };
  } catch {
    return unknown(`${to.name} gave outcomes that cannot be read`);
  }
}

const nothing: Mail["content"] = { size: 0, open: () => [] };

/** When to try again; or that it is no use, or nothing for us to decide. */
function plan(desk: Desk, progress: Progress): void {
  const { policy } = desk;
  const { entry, attempts, last } = progress;
  const now = policy.clock.now();
  if (policy.uncertain === "stop" && doubtful(progress).length === progress.pending.length) {
    progress.dead = inDoubt(progress);
    return;
  }
  const age = Math.max(0, now - entry.agesFrom);
  const wait = waitOf(policy.schedule, attempts, age);
  if (wait === undefined || age >= policy.maxAge || (entry.expiresAt ?? now + 1) <= now) expire(desk, progress);
  else progress.dueAt = now + last.reduce((longest, outcome) => Math.max(longest, askedFor(outcome)), wait);
}

function inDoubt({ last }: Progress): Progress["dead"] {
  return { reason: "uncertain", note: `they may have it already: ${last.map(describe).join("; ")}` };
}

/** Gives up who is pending. With the policy to stop, who is in doubt is left to a person. */
export function expire({ name, policy, lanes, emit }: Desk, progress: Progress): void {
  const { entry } = progress;
  const at = policy.clock.now();
  const isWorthless = entry.expiresAt !== undefined && entry.expiresAt <= at;
  const why = isWorthless
    ? `not delivered before it expired at ${new Date(entry.expiresAt).toISOString()}`
    : `not delivered within ${spanOf(at - entry.agesFrom)}`;
  const kept = policy.uncertain === "stop" ? doubtful(progress) : [];
  if (kept.length > 0) progress.dead = inDoubt(progress);
  const outcomes = giveUp(progress, kept, why, name, lanes.reasonOf(entry.lane));
  if (outcomes.length > 0) emit({ kind: "expired", at, ...aboutOf(entry), outcomes });
}

function spanOf(milliseconds: number): string {
  const [day, hour, minute] = [86_400_000, 3_600_000, 60_000];
  if (milliseconds >= 2 * day) return `${Math.floor(milliseconds / day)} days`;
  if (milliseconds >= 2 * hour) return `${Math.floor(milliseconds / hour)} hours`;
  return `${Math.max(1, Math.floor(milliseconds / minute))} minutes`;
}
