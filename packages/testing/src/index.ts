export type {
  Capability,
  Check,
  MiddlewareCapability,
  MiddlewareSuite,
  ReceivedMail,
  Subject,
  TransportSuite,
} from "./checks.ts";
export { middlewareChecks, taking, throughFake, transportChecks } from "./checks.ts";
export type { Fake, FakeCall, FakeOptions, FakeScript, FakeVerdict } from "./fake.ts";
export { fake } from "./fake.ts";
export { testMiddleware, testTransport } from "./suites.ts";
