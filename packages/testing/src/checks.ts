export type { MiddlewareCapability, MiddlewareSuite } from "./checks/around.ts";
export { throughFake } from "./checks/around.ts";
export type { Capability, Check, ReceivedMail, Subject, TransportSuite } from "./checks/check.ts";
export { taking } from "./checks/check.ts";
export { middlewareChecks } from "./checks/middleware.ts";
export { transportChecks } from "./checks/transport.ts";
export type { StoreCapability, StoreLimits, StoreSubject, StoreSuite } from "./checks/store/bench.ts";
export { storeChild } from "./checks/store/child.ts";
export { storeChecks } from "./checks/store/store.ts";
