import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { interleave } from "./rounds.ts";
import type { Sample } from "./sample.ts";
import { table } from "./table.ts";
import type { Comparison, Goal } from "./verdict.ts";
import { compare } from "./verdict.ts";
import type { Metric } from "./units.ts";

/** One load that several contenders get. */
export interface Case {
  readonly name: string;
  /** Ours first; the others are what it is compared with. */
  readonly contenders: readonly string[];
  /** Other ones than the question's. */
  readonly metrics?: readonly Metric[];
}

/** What a benchmark asks. */
export interface Question<C extends Case> {
  readonly cases: readonly C[];
  readonly metrics: readonly Metric[];
  readonly goals: readonly Goal[];
  /** @default 5 */
  readonly rounds?: number;
  /** One run of one contender. With `profile`, processes that do the work leave a CPU profile in that folder. */
  run(given: C, contender: string, profile: string | undefined): Promise<Sample>;
}

/**
 * Measures and prints: a table for each case, or with `--json` one line for each comparison. `--rounds n`, `--case part`
 * (cases whose name has it) and `--profile folder` narrow it down.
 */
export async function answer<C extends Case>(question: Question<C>): Promise<void> {
  const { json, rounds, only, profile } = options(question.rounds ?? 5);
  if (!json) console.log(`${circumstances()}, medians of ${rounds} rounds`);
  for (const given of question.cases.filter(({ name }) => name.includes(only))) {
    const results = await interleave(given.contenders, rounds, (contender) => question.run(given, contender, profile));
    const metrics = given.metrics ?? question.metrics;
    const comparisons = compare(given.name, results, metrics, question.goals);
    if (json) printLines(comparisons);
    else console.log(`\n${table(given.name, results, metrics, comparisons)}`);
  }
}

function printLines(comparisons: readonly Comparison[]): void {
  for (const comparison of comparisons) console.log(JSON.stringify(comparison));
}

function options(usual: number): { json: boolean; rounds: number; only: string; profile: string | undefined } {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      rounds: { type: "string", default: String(usual) },
      case: { type: "string", default: "" },
      profile: { type: "string" },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new RangeError(`--rounds takes a whole number, not ${values.rounds}`);
  return { json: values.json, rounds, only: values.case, profile: values.profile };
}

function circumstances(): string {
  const today = new Date().toISOString().slice(0, 10);
  return `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? "unknown CPU"}, ${today}`;
}
