import { ConfigError } from "./errors.ts";
import type { Rule, Rules } from "./options.ts";
import { checkOptions, isDuration, isFunction, isInteger } from "./options.ts";

/**
 * When to try again: milliseconds until the next attempt, or undefined for never. `attempt` counts those made, from 1;
 * `elapsed` is the milliseconds since the first. Whoever asks caps the answer at 2^31-1.
 */
export type Schedule = (attempt: number, elapsed: number) => number | undefined;

export interface BackoffOptions {
  /** Milliseconds before the second attempt. @default 60_000 */
  readonly first?: number;
  /** What each wait is multiplied by to give the next, 1 to 100. @default 2 */
  readonly factor?: number;
  /** Longest wait in milliseconds. @default 14_400_000, four hours; at least `first` */
  readonly max?: number;
  /** Milliseconds after the first attempt in which others may begin. @default 432_000_000, five days; at least `first` */
  readonly until?: number;
  /** Share of each wait that is left to chance, 0 to 1; it only shortens. @default 0.2 */
  readonly jitter?: number;
  /** Gives numbers from 0 to 1. @default Math.random */
  readonly random?: () => number;
}

const rules: Rules<BackoffOptions> = {
  first: isDuration,
  factor: isBetween(1, 100),
  max: isDuration,
  until: isInteger(1),
  jitter: isBetween(0, 1),
  random: isFunction,
};

/**
 * Waits that grow: `first`, then `factor` times as long each, up to `max`, until `until`. Without options it is for a
 * queue: from a minute to hours, for five days (RFC 5321 §4.5.4.1). Throws a ConfigError for wrong options.
 */
export function backoff(options: BackoffOptions = {}): Schedule {
  checkOptions("backoff", options, rules);
  const { first = 60_000, factor = 2, jitter = 0.2, random = Math.random } = options;
  const { max = Math.max(first, 14_400_000), until = Math.max(first, 432_000_000) } = options;
  if (max < first) throw shorter("max", max, first);
  if (until < first) throw shorter("until", until, first);
  return (attempt, elapsed) => {
    const grown = first * factor ** (attempt - 1);
    const longest = grown < max ? Math.max(grown, first) : max;
    const wait = Math.max(1, Math.round(longest * (1 - jitter * shareOf(random()))));
    return elapsed + wait > until ? undefined : wait;
  };
}

/** What is no share counts as none: a broken source of chance must not make a busy loop. */
function shareOf(chance: number): number {
  return chance >= 0 && chance <= 1 ? chance : 0;
}

function isBetween(min: number, max: number): Rule {
  return (value) =>
    typeof value === "number" && value >= min && value <= max
      ? undefined
      : `must be a number from ${min} to ${max}, not ${typeof value === "number" ? value : `a value of type ${typeof value}`}`;
}

function shorter(path: string, given: number, first: number): ConfigError {
  return new ConfigError("backoff", [{ path, message: `is ${given}, shorter than first, which is ${first}` }]);
}
