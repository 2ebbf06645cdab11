import { describe, it } from "vitest";
import type { MiddlewareSuite } from "./checks/around.ts";
import { throughFake } from "./checks/around.ts";
import type { Check, TransportSuite } from "./checks/check.ts";
import { middlewareChecks } from "./checks/middleware.ts";
import { transportChecks } from "./checks/transport.ts";

/**
 * The contract of a transport as tests, one `it` for each rule; those that need more than `capabilities` declares are
 * skipped. Composites run it like any other.
 *
 * `testTransport({ open: () => smtp(server.url), capabilities: ["reads", "aborts"] })`
 */
export function testTransport(suite: TransportSuite): void {
  const { name = "transport" } = suite;
  describe(name, () => {
    register(transportChecks, suite);
  });
}

/** The contract of a middleware as tests: that of a transport, around a fake, and what it owes `next`. */
export function testMiddleware(suite: MiddlewareSuite): void {
  const { name = "middleware" } = suite;
  describe(name, () => {
    register(transportChecks, throughFake(suite));
    register(middlewareChecks, suite);
  });
}

function register<Suite extends { readonly capabilities?: readonly string[] }>(
  checks: readonly Check<Suite>[],
  suite: Suite,
): void {
  const declared = new Set(suite.capabilities);
  for (const check of checks) {
    const missing = check.needs.filter((need) => !declared.has(need));
    const declare = missing.length > 0 ? it.skip : it;
    declare(check.name, () => check.run(suite));
  }
}
