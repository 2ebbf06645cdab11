import { defineConfig } from "vitest/config";
import { countsReporter } from "../tools/lib/counts.ts";

const counts = process.env.POSTROAD_TEST_COUNTS;

export default defineConfig({
  // Vite's default server conditions plus ours: workspace packages resolve to src, so tests need no build.
  ssr: { resolve: { conditions: ["@postroad/source", "module", "node", "development|production"] } },
  test: {
    root: import.meta.dirname,
    include: ["test/**/*.test.ts"],
    environment: "node",
    globalSetup: "harness/setup.ts",
    reporters: counts ? ["default", countsReporter(counts)] : ["default"],
    maxWorkers: "100%",
    // Servers start within a test file's first hook, on a machine that has other work.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
