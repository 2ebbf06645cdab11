import { appendFileSync } from "node:fs";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A vitest reporter that appends `passed failed skipped` to a file, one line a run, for .ci/run to add up. */
export function countsReporter(file: string): Reporter {
  return {
    onTestRunEnd(modules, errors) {
      const { passed, failed, skipped } = countsOf(modules, errors);
      appendFileSync(file, `${passed} ${failed} ${skipped}\n`);
    },
  };
}

/** A test that never ended has failed. So has, once, a file or a run that broke outside of its tests. */
export function countsOf(modules: readonly TestModule[], errors: readonly SerializedError[]): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    const before = counts.failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      counts[state === "pending" ? "failed" : state] += 1;
    }
    if (!module.ok() && counts.failed === before) counts.failed += 1;
  }
  if (errors.length > 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}
