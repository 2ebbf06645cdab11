import type { Mail, Receipt } from "@postroad/core";
import type { Owed } from "./store.ts";
import type { Flight } from "./flights.ts";
import type { Progress } from "./progress.ts";
import type { Reported, ReportRequest } from "./reports.ts";
import { delaysOf, sendReport } from "./reports.ts";
import type { Desk } from "./desk.ts";
import { aboutOf, describe, mailOf } from "./desk.ts";

/** Reports of one failure are attempted so often, on the schedule; then a person has to see to it. */
const TRIES = 30;

/** Tells the sender, once, that a mail is late. Whether that gets through or not, it is not tried again. */
export async function tellOfDelay(desk: Desk, flight: Flight, progress: Progress): Promise<void> {
  const { policy, lanes, name } = desk;
  const { entry, pending, last, delayed } = progress;
  const { bounce, delayAfter, maxAge, clock } = policy;
  if (typeof bounce !== "object" || delayAfter === false || delayed) return;
  if (progress.dead !== undefined || !isLate(progress, delayAfter, clock.now())) return;
  progress.delayed = true;
  await tell(desk, flight, {
    action: "delayed",
    recipients: pending,
    outcomes: delaysOf(pending, last, name, lanes.reasonOf(entry.lane)),
    willRetryUntil: Math.min(entry.expiresAt ?? Number.MAX_SAFE_INTEGER, entry.agesFrom + maxAge),
  });
}

/** After a while, or at the time that the sender named (RFC 2852, mode N). */
function isLate({ entry }: Progress, delayAfter: number, now: number): boolean {
  const { deliverBy } = entry.envelope;
  return now - entry.agesFrom >= delayAfter || (deliverBy?.mode === "notify" && deliverBy.at <= now);
}

/** Tells the sender of recipients who are done with. Where nobody can be told, it is a dead letter once nobody is pending. */
export async function tellOfEnds(desk: Desk, flight: Flight, progress: Progress): Promise<void> {
  const { bounce } = desk.policy;
  tellNobody(desk, progress);
  if (progress.owed.length === 0) return;
  if (bounce === false) progress.owed = [];
  else if (bounce === undefined) keep(progress, "no bounce option");
  else for (const action of ["failed", "relayed"] as const) await tellOf(desk, flight, progress, action);
}

async function tellOf(desk: Desk, flight: Flight, progress: Progress, action: "failed" | "relayed"): Promise<void> {
  const due = progress.owed.filter((each) => actionOf(each) === action);
  if (due.length === 0) return;
  const recipients = due.map(({ recipient }) => recipient);
  const outcomes = due.map(({ outcome }) => outcome);
  const { kind, reason = "" } = await tell(desk, flight, { action, recipients, outcomes });
  const others = progress.owed.filter((each) => actionOf(each) !== action);
  if (kind === "later") progress.owed = [...others, ...due.map((each) => ({ ...each, tries: each.tries + 1 }))];
  else if (kind !== "refused") progress.owed = others;
  if (kind === "refused" || due.some(({ tries }) => tries + 1 >= TRIES)) keep(progress, reason);
}

type Told = Omit<ReportRequest, "mail" | "arrivedAt">;

async function tell(desk: Desk, flight: Flight, told: Told): Promise<Reported> {
  const { policy, emit, flights } = desk;
  const { entry } = flight.lease;
  const { bounce } = policy;
  if (typeof bounce !== "object") return { kind: "refused" };
  const send = (report: Mail): Promise<Receipt | undefined> =>
    flights.watch(flight, bounce.send(report, { signal: flight.controller.signal }));
  const result = await sendReport(send, { ...told, mail: () => mailOf(desk, flight), arrivedAt: entry.createdAt }, policy);
  const { report, reason } = result;
  if (result.kind === "none" && told.action === "delayed") return result;
  emit({
    kind: "bounced",
    at: policy.clock.now(),
    ...aboutOf(entry),
    action: told.action,
    recipients: told.recipients.map(({ address }) => address),
    bounced: result.kind === "sent",
    ...(report !== undefined && { report }),
    ...(reason !== undefined && { reason }),
  });
  return result;
}

/**
 * Once nobody is pending any more, who failed is kept for a person, who may want to try again. A success that cannot be
 * told of is none to keep.
 */
function keep(progress: Progress, why: string): void {
  if (progress.pending.length > 0) return;
  const failed = progress.owed.filter((each) => actionOf(each) === "failed");
  progress.owed = [];
  progress.pending = failed.map(({ recipient }) => recipient);
  if (failed.length === 0) return;
  const note = `the sender could not be told (${why}) of ${failed.map(({ outcome }) => describe(outcome)).join("; ")}`;
  progress.dead ??= { reason: "unreported", note };
}

function tellNobody({ policy, emit }: Desk, { entry, untold }: Progress): void {
  if (untold.length === 0 || policy.bounce === false) return;
  const reason = entry.envelope.from === "" ? "nobody is told at the null reverse-path" : "the sender asked not to be told";
  const recipients = untold.map(({ recipient }) => recipient);
  emit({ kind: "bounced", at: policy.clock.now(), ...aboutOf(entry), action: "failed", recipients, bounced: false, reason });
}

function actionOf({ outcome }: Owed): "failed" | "relayed" {
  return outcome.kind === "accepted" ? "relayed" : "failed";
}
