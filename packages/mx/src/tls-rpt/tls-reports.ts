import type { Outcome } from "@postroad/core";
import { MAX_TIMER } from "@postroad/core";
import { emitWarning } from "node:process";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { addressFilter } from "../addresses.ts";
import { dnsResolver } from "../dns/dns-resolver.ts";
import { ask } from "../dns/resolver.ts";
import { notify } from "../notify.ts";
import { mapped } from "../wait.ts";
import { webClient } from "../web.ts";
import type { DomainDay } from "./collector.ts";
import { DAY, collector } from "./collector.ts";
import { keeper } from "./keeper.ts";
import type { TlsObservation } from "./observation.ts";
import type { ReportOutcome, TlsReportsOptions } from "./options.ts";
import { checkTlsReports } from "./options.ts";
import { reportMail } from "./report-mail.ts";
import type { Reporter } from "./report.ts";
import { reportOf } from "./report.ts";
import type { ReportTarget } from "./rua.ts";
import { reportTargets } from "./rua.ts";

/** Takes down what became of TLS, and reports it to the domains that ask for it (RFC 8460). */
export interface TlsReports extends AsyncDisposable {
  /** What `mx({ tlsReports })` calls. */
  record(observation: TlsObservation): void;
  /** Sends the reports of all days that are over; with `unfinished` of the running day, too, before this host stops, say. */
  send(options?: { readonly unfinished?: boolean }): Promise<readonly ReportOutcome[]>;
  /** Ends the daily sending, after what is being sent. What was taken down and not sent is in the `store`, or lost where there is none. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Reports leave within these hours after the day, not all at once (RFC 8460 §4.1). */
const SPREAD = 4 * 3_600_000;
/** Between attempts to send what could not be sent, and for how long after the day (RFC 8460 §5.5). */
const RETRY = 3_600_000;
const GIVE_UP = 2 * DAY;
const AT_ONCE = 8;

const compress = promisify(gzip);

/** What one of those who were to get a report has said. */
interface Delivery {
  readonly kind: Outcome["kind"];
  readonly message: string;
}

/**
 * Counts sessions by day (UTC), domain and policy, and sends a report after each day, some time within four
 * hours, to the domains that have a TLSRPT record. A report that cannot be sent is tried again every hour for a day.
 * Throws a ConfigError for wrong options.
 */
export function tlsReports(options: TlsReportsOptions): TlsReports {
  const submitter = checkTlsReports(options);
  const { organization, contact, sendingIp, to, resolver = dnsResolver(), timeout = 30_000, allow = [] } = options;
  const { fetch = webClient({ resolver, order: "ipv6-first", mayGoTo: addressFilter(allow) }) } = options;
  const { clock = Date.now, random = Math.random, onReport } = options;
  const reporter: Reporter = { organization, contact, submitter, sendingIp };
  const days = collector(options.maxDomains ?? 10_000, clock);
  const kept = keeper(options.store, days);
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<unknown> = Promise.resolve();
  let closed = false;

  function arm(wait: number): void {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      send().catch((error: unknown) => emitWarning(`tlsReports: ${String(error)}`, { type: "PostroadWarning" }));
    }, Math.min(wait, MAX_TIMER)).unref();
  }

  /** Until some time after the running day. */
  function untilDue(): number {
    return DAY - (clock() % DAY) + Math.floor(random() * SPREAD);
  }

  async function deliverDay(day: DomainDay): Promise<ReportOutcome> {
    const { domain, start } = day;
    const late = clock() >= start + GIVE_UP;
    try {
      const { records } = await ask(resolver, `_smtp._tls.${domain}`, "TXT", {});
      const targets = reportTargets(records);
      if (targets.length === 0) return { domain, start, state: "unwanted", message: "the domain asks for no reports" };
      const compressed = await compress(JSON.stringify(reportOf(day, reporter)));
      const results = await Promise.all(targets.map((target) => deliverTo(target, day, compressed)));
      return { domain, start, state: stateOf(results, late), message: results.map(({ message }) => message).join("; ") };
    } catch (error) {
      return { domain, start, state: late ? "dropped" : "failed", message: error instanceof Error ? error.message : String(error) };
    }
  }

  async function deliverTo(target: ReportTarget, day: DomainDay, compressed: Buffer): Promise<Delivery> {
    if ("mailto" in target) {
      const { outcomes } = await to.send(reportMail(target.mailto, day, compressed, reporter, clock()));
      const [outcome] = outcomes;
      const why = outcome === undefined || outcome.kind === "accepted" ? "" : `: ${outcome.message}`;
      return { kind: outcome?.kind ?? "deferred", message: `${target.mailto} ${outcome?.kind ?? "unknown"}${why}` };
    }
    try {
      const headers = { "content-type": "application/tlsrpt+gzip" };
      const body = new Uint8Array(compressed);
      const response = await fetch(target.https, { method: "POST", headers, body, redirect: "error", signal: AbortSignal.timeout(timeout) });
      await response.body?.cancel();
      return { kind: kindOf(response.status), message: `${target.https} ${response.status}` };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return { kind: "deferred", message: `${target.https} ${cause instanceof Error ? cause.message : String(cause)}` };
    }
  }

  async function sendDays(unfinished: boolean): Promise<readonly ReportOutcome[]> {
    await kept.ready();
    const due = days.before(unfinished ? Infinity : Math.floor(clock() / DAY) * DAY);
    const outcomes = await mapped(due, AT_ONCE, async (day) => {
      const outcome = await deliverDay(day);
      if (outcome.state !== "failed") days.forget(day);
      notify("onReport of tlsReports", onReport, outcome);
      return outcome;
    });
    if (due.length > 0) kept.changed();
    await kept.flush();
    if (outcomes.some(({ state }) => state === "failed")) arm(RETRY);
    else if (days.before(Infinity).length > 0) arm(untilDue());
    return outcomes;
  }

  /** One after the other, so that no day is sent twice. */
  function send({ unfinished = false }: { readonly unfinished?: boolean } = {}): Promise<readonly ReportOutcome[]> {
    const next = sending.then(() => sendDays(unfinished));
    sending = next.catch(() => undefined);
    return next;
  }

  /** A day that ended while nobody was there is reported soon, one that goes on when it is over. */
  async function resume(): Promise<void> {
    await kept.ready();
    const overdue = days.before(Math.floor(clock() / DAY) * DAY).length > 0;
    if (overdue) {
      clearTimeout(timer);
      timer = undefined;
    }
    if (days.before(Infinity).length > 0) arm(overdue ? Math.floor(random() * SPREAD) : untilDue());
  }

  if (options.store !== undefined) void resume();
  return {
    record(observation) {
      if (closed) return;
      days.record(observation);
      kept.changed();
      arm(untilDue());
    },
    send,
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(timer);
      await sending;
      await kept.flush();
    },
  };
}

/** One of them is enough (RFC 8460 §3). */
function stateOf(results: readonly Delivery[], late: boolean): ReportOutcome["state"] {
  if (results.some(({ kind }) => kind === "accepted")) return "sent";
  return late || results.every(({ kind }) => kind === "rejected") ? "dropped" : "failed";
}

function kindOf(status: number): Delivery["kind"] {
  if (status >= 200 && status < 300) return "accepted";
  return status >= 500 || status === 408 || status === 429 ? "deferred" : "rejected";
}
