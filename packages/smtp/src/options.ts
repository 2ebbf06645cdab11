import type { Socket } from "node:net";
import type { Refusal } from "@postroad/core";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import type { Auth } from "./login.ts";

/** How the connection is protected. */
export type Security = "tls" | "starttls" | "opportunistic" | "none";

/** Milliseconds to wait for each step. Defaults are the minimums of RFC 5321 §4.5.3.2, but for `connect` and `tls`. */
export interface Timeouts {
  /** TCP connection, all addresses together. @default 30_000 */
  readonly connect?: number;
  /** TLS handshake. @default 30_000 */
  readonly tls?: number;
  /** The 220 greeting. @default 300_000 */
  readonly greeting?: number;
  /** EHLO, STARTTLS, AUTH and MAIL. @default 300_000 */
  readonly command?: number;
  /** RCPT. @default 300_000 */
  readonly rcpt?: number;
  /** The 354 to DATA. @default 120_000 */
  readonly data?: number;
  /** Progress of the body: the content gives its next chunk, or the network takes one. @default 180_000 */
  readonly block?: number;
  /** The reply to the final dot. @default 600_000 */
  readonly final?: number;
}

/** Gives a connected socket, or throws. */
export type Connect = (target: { readonly host: string; readonly port: number; readonly signal: AbortSignal }) => Promise<Socket>;

/** What an attempt to open a session came to. */
export interface SessionReport {
  readonly remote: string;
  /** The session is protected; undefined in clear text, and where `refusal` says why there is no session. */
  readonly tls?: {
    /** E.g. `TLSv1.3`. */
    readonly protocol: string;
    /** Name of the cipher suite (RFC 8446 §B.4). */
    readonly cipher: string;
    /** The certificate proves who the server is. */
    readonly verified: boolean;
    /** Why it does not, in the words of node:tls, e.g. `CERT_HAS_EXPIRED`. */
    readonly fault?: string;
  };
  readonly refusal?: Refusal;
}

/** Bounds of the connections a transport keeps. */
export interface PoolOptions {
  /** Connections at once, those being opened included. @default 5 */
  readonly connections?: number;
  /** Messages over one connection before it is replaced. @default 1000 */
  readonly messages?: number;
  /** Milliseconds after which an unused connection is closed. @default 30_000 */
  readonly idle?: number;
  /** Milliseconds after which a connection takes no further message. @default 3_600_000 */
  readonly lifetime?: number;
}

export interface SmtpOptions {
  /** Name or address of the server. With `socketPath` only the name that TLS verifies. */
  readonly host?: string;
  /** @default 465 with security "tls", else 587 */
  readonly port?: number;
  /** A Unix socket instead of host and port, e.g. `/var/run/dovecot/lmtp`. Nothing needs protection there. */
  readonly socketPath?: string;
  /** Address of this machine to send from. */
  readonly localAddress?: string;
  /** `socks5://user:pass@host:1080` (needs the package `socks`) or `http://user:pass@host:3128`, which must allow CONNECT. */
  readonly proxy?: string;
  /** Opens the connection instead of us, e.g. through a tunnel. TLS and everything after it stay ours. */
  readonly connect?: Connect;
  /**
   * `"tls"`: TLS from the first byte (RFC 8314 §3.3). `"starttls"`: STARTTLS or nothing (RFC 3207).
   * `"opportunistic"`: STARTTLS where offered, and no proof who answers: against eavesdroppers only (RFC 7435).
   * `"none"`: plain text. @default "tls" on port 465, else "starttls"
   */
  readonly security?: Security;
  /** Passed to node:tls: ca, cert, key, servername, minVersion (at least TLSv1.2) and so on. */
  readonly tls?: ConnectionOptions;
  /**
   * Judges the certificate in place of node:tls, e.g. by DANE (RFC 7672), after each handshake. Gives whether it proves
   * who the server is; throws an Error, whose message and code the outcome shows, to refuse the server.
   */
  readonly verify?: (socket: TLSSocket) => boolean;
  /** Told what every attempt to open a session came to, but for those that were called off. */
  readonly onSession?: (report: SessionReport) => void;
  /** Whom to log in as: a password, a token, or a client certificate. */
  readonly auth?: Auth;
  /** What EHLO says (RFC 5321 §4.1.4). @default the host's full name, else its address as a literal */
  readonly name?: string;
  /**
   * Names the transport `smtp:label` in outcomes, logs, spans and notes of doubt: for two that differ in their user alone,
   * or to keep a name through a move. No spaces or brackets. @default the host, with the port where it is not the usual one
   */
  readonly label?: string;
  readonly timeouts?: Timeouts;
  /** Milliseconds a send may take in all, waiting for a connection included. @default 1_200_000 */
  readonly deadline?: number;
  /** A number stands for `{ connections }`. */
  readonly pool?: number | PoolOptions;
  /** False for a server that announces PIPELINING and does not keep to it (RFC 2920). @default true */
  readonly pipelining?: boolean;
  /** False for a server that announces CHUNKING and does not keep to it (RFC 3030). @default true */
  readonly chunking?: boolean;
  /**
   * Messages that may be unanswered on one connection with CHUNKING. It grows to this as the server answers. When the
   * connection is lost, or one of them answered with 421, the outcomes of all behind it are uncertain. @default 16
   */
  readonly window?: number;
  /** The current time, in milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
  /** Sends name and password without TLS, where anyone on the way can read them. @default false */
  readonly insecureCleartextAuth?: boolean;
  /** Accepts any certificate, so that anyone on the way can pose as the server. @default false */
  readonly insecureAcceptAnyCertificate?: boolean;
}

/** SMTP, or its form for final delivery, which answers for each recipient (RFC 2033). */
export type Protocol = "smtp" | "lmtp";

type Optional = "verify" | "onSession" | "auth" | "name" | "label" | "socketPath" | "localAddress" | "proxy" | "connect";

/** Options with every default filled in. */
export interface Resolved extends Required<Omit<SmtpOptions, Optional | "pool" | "timeouts">> {
  readonly protocol: Protocol;
  readonly verify: SmtpOptions["verify"] | undefined;
  readonly onSession: SmtpOptions["onSession"] | undefined;
  readonly auth: Auth | undefined;
  readonly name: string | undefined;
  /** What stands behind `smtp:` or `lmtp:` in the transport's name. */
  readonly label: string;
  readonly socketPath: string | undefined;
  readonly localAddress: string | undefined;
  readonly proxy: string | undefined;
  readonly connect: Connect | undefined;
  /** What the service wants of its users, for the day a login fails. */
  readonly note: string | undefined;
  readonly pool: Required<PoolOptions>;
  readonly timeouts: Required<Timeouts>;
}
