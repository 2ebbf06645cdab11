import type { Mail, Recipient, Rule, Rules } from "@postroad/core";
import { ConfigError, checkOptions, isDuration, isFunction, isInteger, isOneOf } from "@postroad/core";
import { setTimeout as pause } from "node:timers/promises";

/**
 * Least waits, in milliseconds, after replies that greylisting gives (RFC 6647), by reply code and status. There is no
 * code of its own for it; these are what the common implementations say to RCPT. Servers hold back for one to five
 * minutes.
 */
export const GREYLISTING: Readonly<Record<string, number>> = {
  "450 4.2.0": 60_000,
  "450 4.7.0": 60_000,
  "450 4.7.1": 60_000,
  "451 4.7.0": 60_000,
  "451 4.7.1": 60_000,
};

/** An attempt that is to come. */
export interface Retry {
  readonly mail: Mail;
  /** Its number; the first retry is attempt 2. */
  readonly attempt: number;
  /** Milliseconds until then. */
  readonly wait: number;
  /** Who is sent to again. */
  readonly recipients: readonly Recipient[];
}

export interface RetryOptions {
  /** Milliseconds after the first attempt in which others may begin. A peer that asks for more is not waited for. @default 300_000 */
  readonly budget?: number;
  /** Attempts per mail at most, the first included, whatever the schedule says. @default 10 */
  readonly attempts?: number;
  /**
   * What to do for a recipient who may have the mail already. "retry" sends the same bytes there again and so may make
   * a second copy; few receivers drop one by its Message-ID. @default "stop"
   */
  readonly uncertain?: "retry" | "stop";
  /** Least wait in milliseconds after a reply: by reply code and status, `"452 4.2.2"`, or status, `"4.2.2"`. @default GREYLISTING */
  readonly hints?: Readonly<Record<string, number>>;
  /** Called before each wait, e.g. to log it. What it throws ends the retries of that mail, with a warning. */
  readonly onRetry?: (retry: Retry) => void;
  /** Milliseconds on a clock that never steps back. @default performance.now */
  readonly now?: () => number;
  /** Waits so many milliseconds; rejects when the signal aborts. @default setTimeout of node:timers/promises */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
}

const rules: Rules<RetryOptions> = {
  budget: isDuration,
  attempts: isInteger(1, 1000),
  uncertain: isOneOf("retry", "stop"),
  hints: areHints,
  onRetry: isFunction,
  now: isFunction,
  sleep: isFunction,
};

export type Policy = Required<RetryOptions>;

/** Fills in the defaults. Throws a ConfigError that names every wrong option. */
export function resolveRetryOptions(schedule: unknown, options: RetryOptions): Policy {
  if (typeof schedule !== "function") {
    const message = "must be a Schedule, such as backoff({ first: 1000, until: 60_000 })";
    throw new ConfigError("retry", [{ path: "schedule", message }]);
  }
  checkOptions("retry", options, rules);
  return {
    budget: options.budget ?? 300_000,
    attempts: options.attempts ?? 10,
    uncertain: options.uncertain ?? "stop",
    hints: options.hints ?? GREYLISTING,
    onRetry: options.onRetry ?? (() => undefined),
    now: options.now ?? (() => performance.now()),
    sleep: options.sleep ?? ((milliseconds, signal) => pause(milliseconds, undefined, { signal })),
  };
}

function areHints(value: unknown): ReturnType<Rule> {
  if (typeof value !== "object" || value === null) return "must be an object";
  for (const [key, wait] of Object.entries(value)) {
    if (!/^(?:4\d\d )?4\.\d{1,3}\.\d{1,3}$/.test(key)) return `has a key that is no "452 4.2.2" or "4.2.2"`;
    const wrong = isDuration(wait);
    if (wrong !== undefined) return `["${key}"] ${wrong}`;
  }
  return undefined;
}
