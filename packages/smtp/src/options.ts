import { hostname } from "node:os";
import type { ConnectionOptions } from "node:tls";
import { ConfigError, checkOptions, isBoolean, isDuration, isInteger, isObject, isOneOf } from "@postroad/core";

/** How the connection is protected. */
export type Security = "tls" | "starttls" | "opportunistic" | "none";

/** Name and password for PLAIN or LOGIN (RFC 4954, RFC 4616). */
export interface Login {
  readonly user: string;
  readonly pass: string;
}

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
  /** Progress of the body: one chunk taken by the network. @default 180_000 */
  readonly block?: number;
  /** The reply to the final dot. @default 600_000 */
  readonly final?: number;
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
  /** Name or address of the server. */
  readonly host: string;
  /** @default 465 with security "tls", else 587 */
  readonly port?: number;
  /**
   * `"tls"`: TLS from the first byte (RFC 8314 §3.3). `"starttls"`: STARTTLS or nothing (RFC 3207).
   * `"opportunistic"`: STARTTLS where offered, and no proof who answers: against eavesdroppers only (RFC 7435).
   * `"none"`: plain text. @default "tls" on port 465, else "starttls"
   */
  readonly security?: Security;
  /** Passed to node:tls: ca, cert, key, servername, minVersion (at least TLSv1.2) and so on. */
  readonly tls?: ConnectionOptions;
  readonly auth?: Login;
  /** What EHLO says (RFC 5321 §4.1.4). @default the host's full name, else its address as a literal */
  readonly name?: string;
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
   * connection is lost, the outcomes of all of them are uncertain. @default 16
   */
  readonly window?: number;
  /** Sends name and password without TLS, where anyone on the way can read them. @default false */
  readonly insecureCleartextAuth?: boolean;
  /** Accepts any certificate, so that anyone on the way can pose as the server. @default false */
  readonly insecureAcceptAnyCertificate?: boolean;
}

/** SMTP, or its form for final delivery, which answers for each recipient (RFC 2033). */
export type Protocol = "smtp" | "lmtp";

/** Options with every default filled in. */
export interface Resolved extends Required<Omit<SmtpOptions, "auth" | "pool" | "timeouts" | "name">> {
  readonly protocol: Protocol;
  readonly auth: Login | undefined;
  readonly name: string | undefined;
  readonly pool: Required<PoolOptions>;
  readonly timeouts: Required<Timeouts>;
}

const TIMEOUTS: Required<Timeouts> = {
  connect: 30_000,
  tls: 30_000,
  greeting: 300_000,
  command: 300_000,
  rcpt: 300_000,
  data: 120_000,
  block: 180_000,
  final: 600_000,
};
const POOL: Required<PoolOptions> = { connections: 5, messages: 1000, idle: 30_000, lifetime: 3_600_000 };

/** Checks options and fills in defaults. Throws a ConfigError that names every wrong one. */
export function resolveOptions(options: SmtpOptions, protocol: Protocol = "smtp"): Resolved {
  const given = defined(options);
  checkOptions("smtp", given, {
    host: (value) => (typeof value === "string" && isHost(value) ? undefined : "must be a host name or address"),
    port: isInteger(1, 65_535),
    security: isOneOf("tls", "starttls", "opportunistic", "none"),
    tls: isObjectUnseen,
    auth: isObjectUnseen,
    name: (value) => (typeof value === "string" && isName(value) ? undefined : "must be a host name or an address literal"),
    timeouts: isObject,
    deadline: isDuration,
    pool: (value) => (typeof value === "object" && value !== null ? undefined : isInteger(1, 1000)(value)),
    pipelining: isBoolean,
    chunking: isBoolean,
    window: isInteger(1, 1000),
    insecureCleartextAuth: isBoolean,
    insecureAcceptAnyCertificate: isBoolean,
  }, ["host"]);
  const security = given.security ?? (given.port === 465 ? "tls" : "starttls");
  checkSecurity(given, security);
  if (given.auth !== undefined && security === "none" && given.insecureCleartextAuth !== true) {
    throw contradiction("auth", 'with security "none" would go in clear text; use TLS, or set insecureCleartextAuth');
  }
  const pool = typeof given.pool === "number" ? { connections: given.pool } : (given.pool ?? {});
  return {
    pipelining: true,
    chunking: true,
    window: 16,
    insecureCleartextAuth: false,
    insecureAcceptAnyCertificate: false,
    deadline: 1_200_000,
    tls: {},
    ...given,
    protocol,
    port: given.port ?? (security === "tls" ? 465 : 587),
    security,
    auth: checkAuth(given.auth),
    name: given.name ?? fullHostname(),
    pool: checkPool(pool),
    timeouts: checkTimeouts(given.timeouts ?? {}),
  };
}

function checkSecurity({ port, tls }: SmtpOptions, security: Security): void {
  if (port === 465 && security !== "tls") {
    throw contradiction("security", `is "${security}" but port 465 expects TLS first; use "tls", or port 587`);
  }
  if (port === 587 && security === "tls") {
    throw contradiction("security", 'is "tls" but port 587 begins in plain text; use "starttls", or port 465');
  }
  if (tls?.rejectUnauthorized === false) {
    const message = "must not be switched off here; give the authority as tls.ca, or set insecureAcceptAnyCertificate";
    throw contradiction("tls.rejectUnauthorized", message);
  }
  const oldest = tls?.minVersion;
  if (oldest === "TLSv1" || oldest === "TLSv1.1") throw contradiction("tls.minVersion", "must be TLSv1.2 or TLSv1.3 (RFC 8996)");
}

function checkAuth(auth: Login | undefined): Login | undefined {
  if (auth !== undefined) checkOptions("smtp: auth", auth, { user: isUser, pass: isSecret }, ["user", "pass"]);
  return auth;
}

function isUser(value: unknown): string | undefined {
  return value === "" ? "must not be empty" : isSecret(value);
}

/** Says nothing about the value: it must not appear in an error. */
function isSecret(value: unknown): string | undefined {
  return typeof value === "string" && !value.includes("\0") ? undefined : "must be a string without NUL";
}

function checkPool(pool: PoolOptions): Required<PoolOptions> {
  const rules = { connections: isInteger(1, 1000), messages: isInteger(1), idle: isDuration, lifetime: isDuration };
  checkOptions("smtp: pool", pool, rules);
  return { ...POOL, ...defined(pool) };
}

function checkTimeouts(timeouts: Timeouts): Required<Timeouts> {
  checkOptions("smtp: timeouts", timeouts, {
    connect: isDuration, tls: isDuration, greeting: isDuration, command: isDuration,
    rcpt: isDuration, data: isDuration, block: isDuration, final: isDuration,
  });
  return { ...TIMEOUTS, ...defined(timeouts) };
}

/** Without what is there but undefined, which counts as not given. */
export function defined<T extends object>(options: T): T {
  const copy = { ...options };
  for (const key in copy) if (copy[key] === undefined) delete copy[key];
  return copy;
}

/** Says nothing about the value: a key or a password may have been put in the wrong place. */
function isObjectUnseen(value: unknown): string | undefined {
  return typeof value === "object" && value !== null ? undefined : "must be an object";
}

function contradiction(path: string, message: string): ConfigError {
  return new ConfigError("smtp", [{ path, message }]);
}

function isHost(host: string): boolean {
  return /^[\p{L}\p{N}.:_%-]{1,255}$/u.test(host);
}

/** A domain or an address literal (RFC 5321 §4.1.1.1): nothing that could be read as a second command. */
function isName(name: string): boolean {
  return /^(?:[A-Za-z0-9._-]{1,255}|\[[A-Za-z0-9.:]{1,64}\])$/.test(name);
}

function fullHostname(): string | undefined {
  const name = hostname();
  return name.includes(".") && isName(name) ? name : undefined;
}
