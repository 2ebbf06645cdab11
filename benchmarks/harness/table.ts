import type { Sample } from "./sample.ts";
import type { Metric } from "./units.ts";
import type { Comparison } from "./verdict.ts";

/** A Markdown table: a line for each contender, and in it how often better we are. */
export function table(
  title: string,
  results: ReadonlyMap<string, Sample>,
  metrics: readonly Metric[],
  comparisons: readonly Comparison[],
): string {
  const lines = [...results].map(([contender, sample]) => row([contender, ...metrics.map(({ name, show }) => {
    const value = sample[name];
    const comparison = comparisons.find(({ against, metric }) => against === contender && metric === name);
    return value === undefined ? "" : show(value) + (comparison === undefined ? "" : ` (${times(comparison)})`);
  })]));
  const rule = row(["---", ...metrics.map(() => "---:")]);
  return [row([title, ...metrics.map(({ name }) => name)]), rule, ...lines].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function times({ ratio, goal }: Comparison): string {
  if (goal === undefined) return `${ratio} ×`;
  return ratio >= goal ? `${ratio} ×, goal ${goal}` : `**${ratio} ×**, goal ${goal} missed`;
}
