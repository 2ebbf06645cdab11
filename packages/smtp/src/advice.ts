import type { Phase } from "./failure.ts";
import { HINTS } from "./hints.ts";

/** What advice depends on: data only, never a reply's text. */
export interface Symptom {
  readonly phase: Phase;
  readonly status: string;
  /** Node's name of the cause, e.g. `ECONNREFUSED`. */
  readonly code?: string;
  /** The reply's code. */
  readonly reply?: number;
}

/** One row of advice: it fits where all that it names agrees. */
export interface Hint extends Partial<Omit<Symptom, "phase">> {
  readonly phase?: Phase;
  readonly advice: string;
}

/** The likely fix in one sentence; the first row that agrees in all it names. */
export function adviceOn(symptom: Symptom): string | undefined {
  return HINTS.find(
    (hint) =>
      (hint.phase === undefined || hint.phase === symptom.phase) &&
      (hint.code === undefined || hint.code === symptom.code) &&
      (hint.reply === undefined || hint.reply === symptom.reply) &&
      (hint.status === undefined || hint.status === symptom.status),
  )?.advice;
}
