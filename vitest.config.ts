import { defineConfig } from "vitest/config";
import { countsReporter } from "./tools/lib/counts.ts";

const counts = process.env.POSTROAD_TEST_COUNTS;

export default defineConfig({
  // Vite's default server conditions plus ours: workspace packages resolve to src, so tests need no build.
  ssr: { resolve: { conditions: ["@postroad/source", "module", "node", "development|production"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "tools/test/**/*.test.ts", "examples/**/*.test.ts", "evidence/test/**/*.test.ts"],
    environment: "node",
    reporters: counts ? ["default", countsReporter(counts)] : ["default"],
    // Tests wait for sockets and processes more than they compute; vitest's own default leaves one core idle.
    maxWorkers: "100%",
    // Real sockets and processes on a busy machine: a test that hangs is found, one that waits its turn is not.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: { include: ["packages/*/src/**/*.ts"] },
  },
});
