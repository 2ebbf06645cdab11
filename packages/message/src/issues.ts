import type { Status } from "@postroad/core";
import { nearest } from "@postroad/core";
import { shown } from "./address-error.ts";
import type { MessageIssue } from "./errors.ts";
import { MessageError } from "./errors.ts";

/** Collects what is wrong with a draft, so that all of it is told at once. */
export type Issues = MessageIssue[];

/** Enough to act on; a list of ten thousand bad addresses is one mistake. */
const MOST_TOLD = 50;

/** One issue for each path: what is found wrong first is what to mend first. */
export function report(issues: Issues, path: string, message: string, status: Status<5> = "5.6.0"): void {
  if (issues.length < MOST_TOLD && !issues.some((issue) => issue.path === path)) issues.push({ path, message, status });
}

/** Throws what was collected, if anything was. */
export function throwIssues(issues: Issues): void {
  const [first, ...rest] = issues;
  if (first !== undefined) throw new MessageError([first, ...rest]);
}

/** Runs a check that throws; its issues join the others and `otherwise` stands in for the value. */
export function collect<T>(issues: Issues, check: () => T, otherwise: T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    for (const { path, message, status } of error.issues) report(issues, path, message, status);
    return otherwise;
  }
}

/** C0 and C1 controls but for the tab, which is white space. */
const CONTROL = /[^\P{Cc}\t]/u;

/** A string for one line of text. Lone surrogates become U+FFFD; line breaks and other controls are refused. */
export function oneLine(value: unknown, path: string, issues: Issues): string {
  if (typeof value !== "string") {
    report(issues, path, `must be a string, not ${kindOf(value)}`);
    return "";
  }
  if (!CONTROL.test(value)) return value.toWellFormed();
  report(issues, path, `${shown(value)} has a line break or control character; remove it`);
  return "";
}

/** A text of many lines. Lone surrogates become U+FFFD. */
export function manyLines(value: unknown, path: string, issues: Issues): string {
  if (typeof value === "string") return value.toWellFormed();
  report(issues, path, `must be a string, not ${kindOf(value)}`);
  return "";
}

export function flag(value: unknown, path: string, issues: Issues): boolean {
  if (typeof value === "boolean") return value;
  report(issues, path, `must be true or false, not ${kindOf(value)}`);
  return false;
}

/** Reports keys that do not exist and names the nearest that does. `hints` are for names of other libraries. */
export function knownKeys(
  given: object,
  known: ReadonlySet<string>,
  path: string,
  issues: Issues,
  hints: ReadonlyMap<string, string> = new Map(),
): void {
  for (const key of Object.keys(given)) {
    if (known.has(key)) continue;
    const near = hints.get(key) ?? nearest(key, [...known]);
    const advice = near === undefined ? `there are ${[...known].join(", ")}` : `did you mean ${near}?`;
    report(issues, path === "" ? key : `${path}.${key}`, `is not a field; ${advice}`);
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** The value where it is an object that is no array; else reports that it must be `wanted`. */
export function recordOf(
  value: unknown,
  wanted: string,
  path: string,
  issues: Issues,
): Readonly<Record<string, unknown>> | undefined {
  if (isRecord(value) && !Array.isArray(value) && !(value instanceof Promise)) return value;
  report(issues, path, `must be ${wanted}, not ${kindOf(value)}`);
  return undefined;
}

/** What a value is, without showing it. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (value instanceof Promise) return "a promise; await it first";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
