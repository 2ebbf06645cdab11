import { defineConfig } from "vitest/config";

export default defineConfig({
  // Vite's default server conditions plus ours: workspace packages resolve to src, so tests need no build.
  ssr: { resolve: { conditions: ["@postroad/source", "module", "node", "development|production"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "tools/test/**/*.test.ts", "examples/test/**/*.test.ts"],
    environment: "node",
  },
});
