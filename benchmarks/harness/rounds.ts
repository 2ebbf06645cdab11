import type { Sample } from "./sample.ts";
import { medians } from "./sample.ts";

/**
 * Runs every contender once a round, each round beginning with another one, so that what else the machine does hits
 * all alike. Gives the medians over the rounds.
 */
export async function interleave(
  contenders: readonly string[],
  rounds: number,
  run: (contender: string) => Promise<Sample>,
): Promise<ReadonlyMap<string, Sample>> {
  const samples = new Map(contenders.map((contender): [string, Sample[]] => [contender, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = round % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      samples.get(contender)?.push(await run(contender));
    }
  }
  return new Map([...samples].map(([contender, all]) => [contender, medians(all)]));
}
