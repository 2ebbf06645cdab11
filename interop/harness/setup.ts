import type { TestProject } from "vitest/node";
import type { EximProgram } from "./exim-program.ts";
import { unpackExim } from "./exim-program.ts";
import type { Missing } from "./install.ts";
import { install, lastWords } from "./install.ts";

declare module "vitest" {
  export interface ProvidedContext {
    readonly missing: Missing;
    /** Where Exim is, unless it is missing. */
    readonly exim: string;
  }
}

/** Before all tests: brings the servers along, and says which tests have to be skipped. Gives what removes what is not installed. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  // Whoever only lists the tests needs no servers for it.
  const isRun = process.env.POSTROAD_LIST === undefined;
  const installed = isRun ? await install() : {};
  const exim = isRun ? await eximOrReason() : undefined;
  const missing: Missing = { ...installed, ...(typeof exim === "string" && { exim }) };
  for (const [program, reason] of Object.entries(missing)) {
    console.error(`interop: SKIPPED: every test against ${program}, since ${reason}`);
  }
  project.provide("missing", missing);
  const program = typeof exim === "object" ? exim : undefined;
  project.provide("exim", program?.path ?? "");
  return program === undefined ? undefined : async () => program[Symbol.asyncDispose]();
}

async function eximOrReason(): Promise<EximProgram | string> {
  if (process.getuid?.() !== 0) return "it takes root to run";
  try {
    return await unpackExim();
  } catch (error) {
    return `it could not be had from Debian: ${lastWords(error)}`;
  }
}
