export type {
  Capability,
  Check,
  MiddlewareCapability,
  MiddlewareSuite,
  ReceivedMail,
  StoreCapability,
  StoreLimits,
  StoreSubject,
  StoreSuite,
  Subject,
  TransportSuite,
} from "./checks.ts";
export { middlewareChecks, storeChecks, storeChild, taking, throughFake, transportChecks } from "./checks.ts";
export type { Fake, FakeCall, FakeOptions, FakeScript, FakeVerdict } from "./fake.ts";
export { fake } from "./fake.ts";
export { testMiddleware, testStore, testTransport } from "./suites.ts";
