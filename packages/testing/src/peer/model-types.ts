import type { TlsOptions } from "node:tls";
import type { ListenOptions } from "./listener.ts";

/** A message that a model peer took. */
export interface ModelMessage {
  /** Number of the connection, from 1. */
  readonly connection: number;
  readonly from: string;
  /** Parameters of MAIL as they were sent, e.g. `SIZE=12`. */
  readonly parameters: readonly string[];
  readonly to: readonly { readonly address: string; readonly parameters: readonly string[] }[];
  /** What was on the wire, dots doubled; the same as `content` where it came by BDAT. */
  readonly raw: Buffer;
  readonly content: Buffer;
  /** Who had authenticated. */
  readonly user: string | undefined;
  /** It came over TLS. */
  readonly secure: boolean;
}

/** A point of the conversation where the peer is about to reply. `content` is just after the 354, where nothing is said. */
export type ModelStep =
  | "greeting"
  | "ehlo"
  | "starttls"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "content"
  | "bdat"
  | "message"
  | "rset"
  | "noop"
  | "quit"
  | "other";

export interface Moment {
  readonly step: ModelStep;
  /** Number of the connection, from 1. */
  readonly connection: number;
  /** The command, empty where there is none. */
  readonly line: string;
  /** The reply the peer would give: its lines, joined by CRLF, without the last CRLF. */
  readonly reply: string;
  /** Sender and accepted recipients of the transaction so far. */
  readonly from: string | undefined;
  readonly to: readonly string[];
}

/**
 * The connection breaks before, in the middle of, or after the reply. What the reply says has happened all the same:
 * a message whose 250 never leaves has been taken.
 */
export interface Fault {
  readonly drop: "before" | "mid" | "after";
  /** RST in place of FIN; what was just sent may be lost with it. @default false */
  readonly reset?: boolean;
  /** In place of the usual reply. */
  readonly reply?: string;
}

/** Another reply, a fault, or nothing for the usual reply. */
export type Reaction = string | Fault | undefined;

export interface ModelPeerOptions extends ListenOptions {
  /**
   * What EHLO announces, e.g. `SIZE 1000000` or `CHUNKING`; parameters that were not announced are refused.
   * STARTTLS and AUTH come by themselves, with `tls` and `users`.
   * @default ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
   */
  readonly extensions?: readonly string[];
  /** Key and certificate: for STARTTLS, or from the first byte on where `implicitTls` is set. */
  readonly tls?: TlsOptions;
  /** TLS from the first byte on (RFC 8314 §3.3). @default false */
  readonly implicitTls?: boolean;
  /** Passwords by user name. Where given, MAIL needs AUTH, and AUTH needs TLS if there is any. */
  readonly users?: Readonly<Record<string, string>>;
  /** Replies to RCPT by address; all others are accepted. */
  readonly recipients?: Readonly<Record<string, string>>;
  /** Asked before every reply: nothing for the usual one, another reply, or a fault. May wait as long as it likes. */
  readonly on?: (moment: Moment) => Reaction | Promise<Reaction>;
  /** Called for each message taken, before the reply leaves. */
  readonly onMessage?: (message: ModelMessage) => void;
}
