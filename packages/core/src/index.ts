export type { Middleware, Rewrite } from "./compose.ts";
export { compose } from "./compose.ts";
export type { Content } from "./content.ts";
export { contentOf, readAll } from "./content.ts";
export { DOUBTS, doubts, withDoubts } from "./doubts.ts";
export type { ConfigIssue, RefusalOptions } from "./errors.ts";
export { ConfigError, DeliveryError, Refusal, verdictOf } from "./errors.ts";
export type { Envelope, Mail, Recipient } from "./mail.ts";
export { envelope, mailboxKey, narrow, reseal } from "./mail.ts";
export type { Address, Alternative, Attachment, Fields, Group, Message } from "./message.ts";
export type { Rule, Rules } from "./options.ts";
export {
  MAX_TIMER,
  anything,
  checkOptions,
  isBoolean,
  isDuration,
  isFunction,
  isInteger,
  isObject,
  isOneOf,
  isString,
  nearest,
} from "./options.ts";
export type { Accepted, Deferred, Diagnosis, ForAll, Outcome, Receipt, Rejected, Reply, Status } from "./outcome.ts";
export { merge, pick, receipt } from "./outcome.ts";
export type { BackoffOptions, Schedule } from "./schedule.ts";
export { backoff } from "./schedule.ts";
export { isAnswer, isCongestion, isConnectionFailure } from "./signs.ts";
export type { Send, SendOptions, Transport, TransportRest } from "./transport.ts";
export { borrow, deliver, transport, wrap } from "./transport.ts";
export type { Window } from "./window.ts";
export { congestionWindow } from "./window.ts";
