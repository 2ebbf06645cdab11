import type { Mail, Middleware, Receipt, Schedule, SendOptions, Transport } from "@postroad/core";
import { backoff, merge, narrow, transport, wrap } from "@postroad/core";
import { emitWarning } from "node:process";
import pRetry from "p-retry";
import type { Policy, RetryOptions } from "./options.ts";
import { resolveRetryOptions } from "./options.ts";
import type { Plan } from "./plan.ts";
import { planOf } from "./plan.ts";

/**
 * Sends again to who was deferred, and to nobody else, with the same bytes. It waits as long as the schedule says, and
 * longer where the peer asks for it (`retryAfter`, greylisting). By default for a minute, from one second on.
 *
 * An abort ends the wait, and so does disposal: who is deferred then stays so, and nothing that was accepted is lost.
 * Once per pipeline, and for seconds: a queue is what tries again for days, and around both attempts multiply.
 */
export function retry(
  schedule: Schedule = backoff({ first: 1000, max: 30_000, until: 60_000 }),
  options: RetryOptions = {},
): Middleware {
  const policy = resolveRetryOptions(schedule, options);
  return <M extends Mail>(next: Transport<M>): Transport<M> => {
    const closing = new AbortController();
    const around = wrap("retry", next, async (mail: M, sending) => {
      const start = policy.now();
      const first = await next.send(mail, sending);
      if (!isUnfinished(first)) return first;
      const stop = sending.signal === undefined ? closing.signal : AbortSignal.any([sending.signal, closing.signal]);
      const plan = (report: Receipt, attempt: number): Plan | undefined =>
        planOf(mail, report, attempt, policy.now() - start, schedule, policy);
      return again({ next, mail, sending, first, stop, plan, policy });
    });
    return {
      ...around,
      [Symbol.asyncDispose]() {
        closing.abort();
        return around[Symbol.asyncDispose]();
      },
    };
  };
}

interface Work<M extends Mail> {
  readonly next: Transport<M>;
  readonly mail: M;
  readonly sending: SendOptions;
  /** What the first attempt gave. */
  readonly first: Receipt;
  /** Ends the retries, but no attempt: that has the caller's own signal. */
  readonly stop: AbortSignal;
  readonly plan: (report: Receipt, attempt: number) => Plan | undefined;
  readonly policy: Policy;
}

async function again<M extends Mail>({ next, mail, sending, first, stop, plan, policy }: Work<M>): Promise<Receipt> {
  // A next that breaks the contract and throws leaves its part in doubt, and not who was accepted before.
  const total = transport<M>(next.name, (part, options) => next.send(part, options));
  let report = first;
  let due: Plan | undefined;

  async function attempt(): Promise<void> {
    if (due !== undefined) report = merge(mail, report, await total.send(narrow(mail, due.recipients), sending));
    if (isUnfinished(report)) throw unfinished;
  }

  async function shouldRetry(made: number): Promise<boolean> {
    try {
      due = plan(report, made);
      if (due === undefined) return false;
      policy.onRetry({ mail, attempt: made + 1, ...due });
      await policy.sleep(due.wait, stop);
      return true;
    } catch (error) {
      if (!stop.aborted) warn(error);
      return false;
    }
  }

  try {
    await pRetry(attempt, {
      retries: policy.attempts - 1,
      minTimeout: 0,
      signal: stop,
      shouldRetry: ({ attemptNumber }) => shouldRetry(attemptNumber),
    });
  } catch (error) {
    if (error !== unfinished && !stop.aborted) throw error;
  }
  return report;
}

/** Tells p-retry that somebody is still deferred. One for all: nobody ever sees it. */
const unfinished = new Error("somebody is still deferred");

function isUnfinished({ outcomes }: Receipt): boolean {
  return outcomes.some(({ kind }) => kind === "deferred");
}

/** A schedule, clock or hook that throws is a bug, but says nothing of the mail: the outcomes stay what they are. */
function warn(thrown: unknown): void {
  const text = thrown instanceof Error ? thrown.message : "no error";
  emitWarning(`the schedule, now, sleep or onRetry of retry threw: ${text}; the mail is not tried again`, "PostroadWarning");
}
