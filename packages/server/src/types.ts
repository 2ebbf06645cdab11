import type { X509Certificate } from "node:crypto";
import type { Mail, Recipient } from "@postroad/core";

/** What a server is for: taking mail from one's own users, from other servers, or from the next room. */
export type Mode = "submission" | "mx" | "lmtp";

/** The TLS connection under a session. */
export interface TlsSession {
  /** e.g. `TLSv1.3`. */
  readonly protocol: string;
  /** The name of the IANA registry, e.g. `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** The client's certificate, where one was asked for and given. */
  readonly certificate?: X509Certificate;
  /** The certificate is valid and of an authority in `tls.ca`. */
  readonly authorized: boolean;
}

/** Who has logged in. */
export interface Login {
  /** The name by which logs and `meta.user` know them. */
  readonly user: string;
  /**
   * Addresses they may send as, in MAIL FROM and in the header. `@example.org` stands for a whole domain, `*` for any
   * address. @default `user` alone
   */
  readonly senders?: readonly string[];
  /** Added to the `meta` of their mail, e.g. a tenant. */
  readonly meta?: Readonly<Record<string, string>>;
}

/** One client's connection, as hooks see it. The same object from connect to close. */
export interface Session {
  /** For logs. */
  readonly id: string;
  readonly mode: Mode;
  /** IP address of the client; `""` over a Unix socket. */
  readonly client: string;
  readonly port: number;
  /** What EHLO, HELO or LHLO said last. Anybody can say anything. */
  readonly hello: string | undefined;
  readonly tls: TlsSession | undefined;
  readonly login: Login | undefined;
}

/** One mail in the making. */
export interface Transaction {
  readonly session: Session;
  /** The reverse-path; `""` for `<>`. */
  readonly from: string;
  /** Recipients accepted so far. */
  readonly recipients: readonly Recipient[];
  /** The client declares that addresses or header fields hold UTF-8 (RFC 6531). */
  readonly smtputf8: boolean;
}

/**
 * Is this recipient ours to take mail for? False is a refusal: 5.7.1. Throw a Refusal to say more, e.g.
 * `new Refusal("5.1.1", "there is no such mailbox")`, or 4.x.x for "not now".
 */
export type RecipientCheck = (recipient: Recipient, transaction: Transaction) => boolean | Promise<boolean>;

/** May whoever has logged in send as this address, in MAIL FROM and in the fields From and Sender? */
export type SenderCheck = (address: string, login: Login, session: Session) => boolean | Promise<boolean>;

/**
 * Rules that a server applies step by step, each where it is wanted. A Refusal thrown is what the client gets to hear;
 * anything else thrown is a fault of the policy and defers. Mail to postmaster passes `recipient` unasked (RFC 5321 §4.5.1).
 */
export interface Policy {
  /** For logs. */
  readonly name: string;
  /** Before the greeting. A refusal ends the connection. */
  readonly connect?: (session: Session) => void | Promise<void>;
  /** At MAIL FROM. */
  readonly sender?: (from: string, session: Session) => void | Promise<void>;
  /** At RCPT TO, for a recipient that the server takes mail for. */
  readonly recipient?: (recipient: Recipient, transaction: Transaction) => void | Promise<void>;
  /** When the message is there, before anybody takes it. What it returns travels on: `reseal(mail, content)`. */
  readonly message?: (mail: Mail, transaction: Transaction) => Mail | Promise<Mail>;
}
