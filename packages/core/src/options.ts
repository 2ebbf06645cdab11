import type { ConfigIssue } from "./errors.ts";
import { ConfigError } from "./errors.ts";

/** Says what is wrong with a value, e.g. `must be a whole number from 1 to 65535`; undefined where nothing is. */
export type Rule = (value: unknown) => string | undefined;

/** A rule for every option there is. */
export type Rules<T> = { readonly [K in keyof Required<T>]: Rule };

/**
 * Refuses options that `rules` does not know or finds wrong, and those `required` but missing, all in one ConfigError.
 * A value of `undefined` counts as not given. What a rule for a secret says must not show the value.
 */
export function checkOptions<T extends object>(
  subject: string,
  given: T,
  rules: Rules<T>,
  required: readonly (keyof T & string)[] = [],
): void {
  const known: ReadonlyMap<string, Rule> = new Map(Object.entries<Rule>(rules));
  const missing = required.filter((path) => given[path] === undefined);
  const issues: ConfigIssue[] = missing.map((path) => ({ path, message: "is missing" }));
  for (const [path, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const rule = known.get(path);
    const message = rule === undefined ? unknownOption(path, [...known.keys()]) : rule(value);
    if (message !== undefined) issues.push({ path: path.slice(0, COMPARED), message });
  }
  if (issues.length > 0) throw new ConfigError(subject, issues);
}

export const isBoolean: Rule = (value) =>
  typeof value === "boolean" ? undefined : `must be true or false, not ${show(value)}`;

export const isString: Rule = (value) => (typeof value === "string" ? undefined : `must be a string, not ${show(value)}`);

export const isFunction: Rule = (value) =>
  typeof value === "function" ? undefined : `must be a function, not ${show(value)}`;

export const isObject: Rule = (value) =>
  typeof value === "object" && value !== null ? undefined : `must be an object, not ${show(value)}`;

export const anything: Rule = () => undefined;

/** A whole number within bounds, both included. */
export function isInteger(min: number, max: number = Number.MAX_SAFE_INTEGER): Rule {
  return (value) =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `must be a whole number from ${min} to ${max}, not ${show(value)}`;
}

/** One of the strings listed. */
export function isOneOf(...choices: readonly string[]): Rule {
  return (value) => {
    if (typeof value === "string" && choices.includes(value)) return undefined;
    return `must be one of ${choices.join(", ")}, not ${show(value)}`;
  };
}

/** Longest timer the platforms keep: past 2^31-1 ms a timer fires at once. */
export const MAX_TIMER = 2_147_483_647;

/** Milliseconds that a timer can wait: 1 to 2^31-1. */
export const isDuration: Rule = isInteger(1, MAX_TIMER);

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

function unknownOption(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `is not an option; ${near === undefined ? `there are ${known.join(", ")}` : `did you mean ${near}?`}`;
}

/** The candidate closest to `word` in spelling, or undefined where none is close. Letter case counts for nothing. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const scored = candidates.map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }));
  const best = scored.toSorted((a, b) => a.edits - b.edits)[0];
  const limit = Math.max(2, Math.floor(Math.min(word.length, COMPARED) / 3));
  return best !== undefined && best.edits <= limit ? best.candidate : undefined;
}

const COMPARED = 64;

/** Levenshtein distance; the first 64 characters decide. */
function distance(from: string, to: string): number {
  const [a, b] = [from.slice(0, COMPARED), to.slice(0, COMPARED)];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
