// Stands in for vitest where that does not run: the part of it that tests of core use, with vitest's own matchers. No API
// of any platform. tools/lib/bundle.ts puts it in place.
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend, chai } from "@vitest/expect";

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

export const { expect } = chai;

/** Types were judged when they were compiled. */
export function expectTypeOf(): unknown {
  return new Proxy(expectTypeOf, { get: () => expectTypeOf });
}

type Body = (...values: never[]) => unknown;

interface Test {
  readonly title: string;
  readonly run: () => unknown;
}

const tests: Test[] = [];
const suites: string[] = [];

export function describe(title: string, body: () => void): void {
  suites.push(title);
  body();
  suites.pop();
}

export function it(title: string, run: () => unknown): void {
  tests.push({ title: [...suites, title].join(" > "), run });
}

it.each =
  (rows: readonly unknown[]) =>
  (title: string, body: Body): void => {
    for (const [index, row] of rows.entries()) {
      it(`${title} (row ${index + 1})`, () => Reflect.apply(body, undefined, Array.isArray(row) ? row : [row]));
    }
  };

/** Runs every test in order and prints why some failed, and behind `label` how many passed and failed. */
export async function report(label: string): Promise<void> {
  let failed = 0;
  for (const { title, run } of tests) {
    try {
      await run();
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${title}\n${error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : "no error"}`);
    }
  }
  console.log(`${label} ${tests.length - failed} ${failed}`);
}
