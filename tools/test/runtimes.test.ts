import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bundleTests } from "../lib/bundle.ts";
import { countsIn, programOf, run, writeCaller } from "../lib/runtimes.ts";
import { root } from "../lib/workspace.ts";
import { folder } from "./fixture.ts";

describe("countsIn", () => {
  it("reads what a run tells, wherever it stands", () => {
    expect(countsIn("FAILED x\nstdout: postroad-counts: 12 1\nbye\n", 0)).toEqual({ passed: 12, failed: 1, skipped: 0 });
  });

  it("a run that tells nothing, or of no test, or ends badly, has failed", () => {
    for (const [output, code] of [["", 0], ["postroad-counts: 0 0\n", 0], ["Segmentation fault", 1]] as const) {
      expect(countsIn(output, code)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    }
    expect(countsIn("postroad-counts: 3 0\n", 1)).toEqual({ passed: 3, failed: 1, skipped: 0 });
  });
});

describe("programOf", () => {
  it("knows nothing where npm has no program for this machine, or it is not installed", () => {
    const runtime = { name: "x", args: () => [], programs: {} };
    expect(programOf(runtime, root)).toBeUndefined();
    const here = { ...runtime, programs: { [`${process.platform}-${process.arch}`]: "no-such-program" } };
    expect(programOf(here, root)).toBeUndefined();
    expect(programOf({ ...here, programs: { [`${process.platform}-${process.arch}`]: "package.json" } }, root)).toBe(join(root, "package.json"));
  });
});

describe("bundleTests", () => {
  const tests = `import { describe, expect, it } from "vitest";
describe("of three", () => {
  it("one passes", async () => { await Promise.resolve(); expect({ a: [1, 2] }).toMatchObject({ a: expect.arrayContaining([1]) }); });
  it.each([[1, 1], [1, 2]])("%i is %i", (a, b) => expect(a).toBe(b));
});
`;

  it("runs them without vitest, and tells how many passed and which failed", async () => {
    await using given = await folder({ "x.test.ts": tests });
    const bundle = join(given.path, "out", "tests.mjs");
    await bundleTests([join(given.path, "x.test.ts")], bundle, false, root);
    const { output, code } = await run(process.execPath, [await writeCaller(bundle)], {});
    expect(countsIn(output, code)).toEqual({ passed: 2, failed: 1, skipped: 0 });
    expect(output).toContain("FAILED of three > %i is %i (row 2)");
  });

  it("does not leave to the runtime what it cannot find", async () => {
    await using given = await folder({ "x.test.ts": `import "no-such-package";\n` });
    await expect(bundleTests([join(given.path, "x.test.ts")], join(given.path, "out.mjs"), false, root)).rejects.toThrow("no-such-package");
  });
});
