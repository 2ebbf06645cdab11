/* oxlint-disable vitest/valid-title, vitest/expect-expect, vitest/no-conditional-tests -- titles and bodies are data here */
import { describe, it } from "vitest";
import type { MiddlewareSuite } from "./checks/around.ts";
import { throughFake } from "./checks/around.ts";
import type { Check, TransportSuite } from "./checks/check.ts";
import { middlewareChecks } from "./checks/middleware.ts";
import type { StoreSuite } from "./checks/store/bench.ts";
import { storeChecks } from "./checks/store/store.ts";
import { transportChecks } from "./checks/transport.ts";

/**
 * The contract of a transport as tests, one `it` for each rule that its capabilities make testable. Composites run it
 * like any other.
 *
 * `testTransport({ open: () => smtp(server.url), capabilities: ["reads", "aborts"] })`
 */
export function testTransport(suite: TransportSuite): void {
  describe(suite.name ?? "transport", () => {
    register(transportChecks, suite);
  });
}

/** The contract of a middleware as tests: that of a transport, around a fake, and what it owes `next`. */
export function testMiddleware(suite: MiddlewareSuite): void {
  describe(suite.name ?? "middleware", () => {
    register(transportChecks, throughFake(suite));
    register(middlewareChecks, suite);
  });
}

/**
 * The contract of a store as tests.
 *
 * `testStore({ name: "memoryStore", capabilities: ["limits"], open: (limits) => memoryStore(limits) })`
 */
export function testStore(suite: StoreSuite): void {
  describe(suite.name ?? "store", () => {
    register(storeChecks, suite);
  });
}

function register<Suite extends { readonly capabilities?: readonly string[] }>(
  checks: readonly Check<Suite>[],
  suite: Suite,
): void {
  const declared = new Set(suite.capabilities);
  for (const { name, needs, run, timeout } of checks) {
    const options = timeout === undefined ? {} : { timeout };
    if (needs.every((need) => declared.has(need))) it(name, options, () => run(suite));
  }
}
