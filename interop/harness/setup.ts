import type { TestProject } from "vitest/node";
import type { Missing } from "./install.ts";
import { install } from "./install.ts";

declare module "vitest" {
  export interface ProvidedContext {
    readonly missing: Missing;
  }
}

/** Before all tests: brings the servers along, and says which tests have to be skipped. */
export async function setup(project: TestProject): Promise<void> {
  // Whoever only lists the tests needs no servers for it.
  const missing = process.env.POSTROAD_LIST === undefined ? await install() : {};
  for (const [program, reason] of Object.entries(missing)) {
    console.error(`interop: SKIPPED: every test against ${program}, since ${reason}`);
  }
  project.provide("missing", missing);
}
