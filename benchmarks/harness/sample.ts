/** What a run measured, by the name of the metric. */
export type Sample = Readonly<Record<string, number>>;

/** Is it a Sample, as another process sends it? */
export function isSample(said: unknown): said is Sample {
  return typeof said === "object" && said !== null && Object.values(said).every((value) => typeof value === "number");
}

/** A number of a Sample. Throws where there is none. */
export function numberOf(sample: Sample, name: string): number {
  const value = sample[name];
  if (value === undefined) throw new Error(`${name} was not measured: ${JSON.stringify(sample)}`);
  return value;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** The median of every metric. Where a round did not measure one, the others decide. */
export function medians(samples: readonly Sample[]): Sample {
  const names = new Set(samples.flatMap((sample) => Object.keys(sample)));
  const of = (name: string): number => median(samples.map((sample) => sample[name]).filter((value) => value !== undefined));
  return Object.fromEntries([...names].map((name) => [name, of(name)]));
}
