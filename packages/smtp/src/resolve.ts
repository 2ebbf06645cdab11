import { isIP } from "node:net";
import { hostname } from "node:os";
import { ConfigError, checkOptions, isBoolean, isDuration, isFunction, isInteger, isObject, isOneOf, isString } from "@postroad/core";
import { checkForeignNames } from "./foreign-names.ts";
import { checkAuth } from "./login.ts";
import type { PoolOptions, Protocol, Resolved, Security, SmtpOptions, Timeouts } from "./options.ts";
import { checkTls } from "./tls-options.ts";

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
const DEFAULTS = {
  tls: {},
  deadline: 1_200_000,
  pipelining: true,
  chunking: true,
  window: 16,
  clock: Date.now,
  insecureCleartextAuth: false,
  insecureAcceptAnyCertificate: false,
};
const POOL: Required<PoolOptions> = { connections: 5, messages: 1000, idle: 30_000, lifetime: 3_600_000 };

/** Checks options and fills in defaults. Throws a ConfigError that names every wrong one. */
export function resolveOptions(options: SmtpOptions, protocol: Protocol = "smtp", note?: string): Resolved {
  const given = defined(options);
  checkForeignNames(protocol, given);
  checkOptions(protocol, given, {
    host: (value) => (typeof value === "string" && isHost(value) ? undefined : "must be a host name or address"),
    port: isInteger(1, 65_535),
    socketPath: isString,
    localAddress: (value) => (typeof value === "string" && isIP(value) > 0 ? undefined : "must be an IP address"),
    proxy: (value) => (typeof value === "string" && isProxy(value) ? undefined : "must be a socks5:// or http:// URL"),
    connect: isFunction,
    security: isOneOf("tls", "starttls", "opportunistic", "none"),
    tls: isObjectUnseen,
    verify: isFunction,
    onSession: isFunction,
    auth: isObjectUnseen,
    name: (value) => (typeof value === "string" && isName(value) ? undefined : "must be a host name or an address literal"),
    label: (value) => (typeof value === "string" && LABEL.test(value) ? undefined : "must be 1 to 100 characters without spaces, brackets and control characters"),
    timeouts: isObject,
    deadline: isDuration,
    pool: (value) => (typeof value === "object" && value !== null ? undefined : isInteger(1, 1000)(value)),
    pipelining: isBoolean,
    chunking: isBoolean,
    window: isInteger(1, 1000),
    clock: isFunction,
    insecureCleartextAuth: isBoolean,
    insecureAcceptAnyCertificate: isBoolean,
  }, given.socketPath === undefined ? ["host"] : []);
  const security = given.security ?? defaultSecurity(given, protocol);
  checkSecurity(given, security);
  checkWay(given, protocol);
  if (given.auth !== undefined) checkAuth(given.auth);
  if (given.auth !== undefined && security === "none" && given.insecureCleartextAuth !== true) {
    throw contradiction("auth", 'with security "none" would go in clear text; use TLS, or set insecureCleartextAuth');
  }
  const pool = typeof given.pool === "number" ? { connections: given.pool } : (given.pool ?? {});
  const usualPort = defaultPort(protocol, security);
  return {
    ...DEFAULTS,
    ...given,
    host: given.host ?? "localhost",
    port: given.port ?? usualPort,
    label: given.label ?? defaultLabel(given, usualPort),
    security,
    protocol,
    note,
    verify: given.verify,
    onSession: given.onSession,
    auth: given.auth,
    name: given.name ?? fullHostname(),
    socketPath: given.socketPath,
    localAddress: given.localAddress,
    proxy: given.proxy,
    connect: given.connect,
    pool: checkPool(pool),
    timeouts: checkTimeouts(given.timeouts ?? {}),
  };
}

/** Whoever is in doubt is found again by it, also after a restart: no two ports of a host may share one. */
function defaultLabel({ host = "localhost", port, socketPath }: SmtpOptions, usualPort: number): string {
  if (socketPath !== undefined) return socketPath;
  if (port === undefined || port === usualPort) return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Names of composites are expressions of names, with spaces and brackets between. */
const LABEL = /^[^\s()\p{Cc}]{1,100}$/u;

/** LMTP stays on a trusted network (RFC 2033 §5), and a Unix socket on this machine. */
function defaultSecurity({ port, socketPath }: SmtpOptions, protocol: Protocol): Security {
  if (protocol === "lmtp" || socketPath !== undefined) return "none";
  return port === 465 ? "tls" : "starttls";
}

function defaultPort(protocol: Protocol, security: Security): number {
  if (protocol === "lmtp") return 24;
  return security === "tls" ? 465 : 587;
}

function checkSecurity({ port, tls, verify, insecureAcceptAnyCertificate }: SmtpOptions, security: Security): void {
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
  if (tls !== undefined) checkTls(tls);
  if (verify !== undefined && security === "none") throw contradiction("verify", 'means nothing with security "none"');
  if (verify !== undefined && insecureAcceptAnyCertificate === true) {
    throw contradiction("insecureAcceptAnyCertificate", "contradicts verify, which decides on the certificate");
  }
}

/** One way to the server, not two of which one would silently not be taken. */
function checkWay(given: SmtpOptions, protocol: Protocol): void {
  const [first, second] = (["connect", "proxy", "socketPath"] as const).filter((option) => given[option] !== undefined);
  if (first !== undefined && second !== undefined) throw contradiction(second, `and ${first} are two ways to the server; give one`);
  if (given.localAddress !== undefined && (first === "connect" || first === "socketPath")) {
    throw contradiction("localAddress", `means nothing with ${first}`);
  }
  if (given.window !== undefined && given.chunking === false) throw contradiction("window", "means nothing with chunking: false");
  if (given.port !== undefined && given.socketPath !== undefined) throw contradiction("port", "means nothing with socketPath");
  if (protocol === "lmtp" && given.port === 25) throw contradiction("port", "must not be 25 with LMTP (RFC 2033 §5); 24 is usual");
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

function isProxy(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname: host, username, password } = new URL(text);
  return /^(?:socks5h?|http):$/.test(protocol) && host !== "" && isEncoded(username) && isEncoded(password);
}

function isEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined;
  } catch {
    return false;
  }
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
