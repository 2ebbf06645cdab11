export type { Defaults } from "./defaults.ts";
export type { DraftFor, Mailer } from "./mailer.ts";
export { createMailer } from "./mailer.ts";
export type {
  Content,
  Deferred,
  Envelope,
  Mail,
  Message,
  Middleware,
  Outcome,
  Receipt,
  Recipient,
  Rejected,
  Rewrite,
  SendOptions,
  Transport,
} from "@postroad/core";
export { ConfigError, DeliveryError, Refusal, borrow, compose, deliver } from "@postroad/core";
export type { DkimOptions, Signer } from "@postroad/dkim";
export { dkim } from "@postroad/dkim";
export type { Draft } from "@postroad/message";
export { MessageError, createMessage, edit, file, rawMail } from "@postroad/message";
export type { DrainOptions, QueueEvent, QueueOptions, Store, Worker } from "@postroad/queue";
export { drain, manage, memoryStore, queue, withQueueOptions } from "@postroad/queue";
export type { SqliteStoreOptions } from "@postroad/queue-sqlite";
export { sqliteStore } from "@postroad/queue-sqlite";
export type { Concurrency, Sent } from "@postroad/routing";
export type { RetryOptions, Schedule } from "@postroad/retry";
export { backoff, retry } from "@postroad/retry";
export { balance, byDomain, failover, route, split, tee } from "@postroad/routing";
export type { SmtpOptions, SmtpTransport } from "@postroad/smtp";
export { lmtp, smtp } from "@postroad/smtp";
