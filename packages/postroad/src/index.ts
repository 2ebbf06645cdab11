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
export type { Draft } from "@postroad/message";
export { MessageError, createMessage, edit, file, rawMail } from "@postroad/message";
export type { Concurrency, Sent } from "@postroad/routing";
export type { SmtpOptions } from "@postroad/smtp";
export { smtp } from "@postroad/smtp";
