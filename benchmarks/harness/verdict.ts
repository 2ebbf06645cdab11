import type { Sample } from "./sample.ts";
import type { Metric } from "./units.ts";

/** How often better we want to be. */
export interface Goal {
  readonly case: string;
  readonly metric: string;
  readonly against: string;
  readonly ratio: number;
}

/** How often better we are: 2 is half the cost, or twice the rate; below 1 the other one is ahead. */
export interface Comparison {
  readonly case: string;
  readonly metric: string;
  readonly against: string;
  readonly ratio: number;
  readonly goal?: number;
}

/** The first of `results` compared with each of the others. */
export function compare(
  name: string,
  results: ReadonlyMap<string, Sample>,
  metrics: readonly Metric[],
  goals: readonly Goal[],
): readonly Comparison[] {
  const [ours, ...others] = results;
  if (ours === undefined) return [];
  return others.flatMap(([against, theirs]) => metrics.flatMap(({ name: metric, better }): readonly Comparison[] => {
    const [mine, other] = [ours[1][metric], theirs[metric]];
    if (better === undefined || mine === undefined || other === undefined) return [];
    const ratio = Number((better === "less" ? other / mine : mine / other).toPrecision(3));
    const goal = goals.find((each) => each.case === name && each.metric === metric && each.against === against)?.ratio;
    return [{ case: name, metric, against, ratio, ...(goal !== undefined && { goal }) }];
  }));
}
