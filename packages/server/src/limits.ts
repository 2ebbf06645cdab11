import type { Rules } from "@postroad/core";
import { isDuration, isInteger } from "@postroad/core";

/** How much a client may want. */
export interface Limits {
  /** Connections at once. @default 1000 */
  readonly connections?: number;
  /** Connections at once from one address; an IPv6 client's network of 64 bits counts as one. @default 50, lmtp 1000 */
  readonly connectionsPerClient?: number;
  /** Octets of a message; announced as SIZE (RFC 1870). @default 52_428_800 */
  readonly size?: number;
  /** Octets of a message's header. @default 262_144 */
  readonly header?: number;
  /**
   * Octets of a line of a message without CRLF. RFC 5321 §4.5.3.1.6 asks for 998, and `smtp()` and `mx()` send no more: whoever passes
   * mail on takes no more either, or has to return it. @default submission 998, else 65_536
   */
  readonly line?: number;
  /** Recipients of a mail, at least 100 (RFC 5321 §4.5.3.1.8); more are deferred with 452. Announced as LIMITS RCPTMAX. @default 1000 */
  readonly recipients?: number;
  /** Mails over one connection; announced as LIMITS MAILMAX. @default 1000 */
  readonly mails?: number;
  /** Octets of a command with its CRLF, at least 512 (RFC 5321 §4.5.3.1.4); 12,288 in a login (RFC 4954 §4). @default 2048 */
  readonly command?: number;
  /** Commands that are refused with 5xx, between two mails. @default 20 */
  readonly errors?: number;
  /** Commands that are deferred with 4xx, between two mails: as many as a mail may have recipients that are all deferred. @default 1000 */
  readonly deferrals?: number;
  /** NOOP, RSET, VRFY and other commands that get no mail further, between two mails. @default 100 */
  readonly junk?: number;
  /** Failed logins of one connection. @default 3 */
  readonly loginFailures?: number;
  /** Failed logins from one address in `loginPeriod`, after which its logins are not looked at. @default 20 */
  readonly loginFailuresPerClient?: number;
  /**
   * Failed logins at one account in `loginPeriod`, from wherever, after which each address has three tries at it in that time: no more
   * is looked at of many that guess together, and nobody is locked out by the failures of others. @default 20
   */
  readonly loginFailuresPerAccount?: number;
  /**
   * Passwords that are checked at once, since a check takes memory and a thread of the pool (of four, which files need too). 100 more
   * wait for their turn; what comes on top is not looked at now. @default 3
   */
  readonly passwordChecks?: number;
  /** Milliseconds for which failed logins are remembered. @default 600_000 */
  readonly loginPeriod?: number;
  /** Fields Received, at most: a mail with more goes in circles (RFC 5321 §6.3). @default 100 */
  readonly received?: number;
}

/** Milliseconds a client has, and may take. */
export interface Timeouts {
  /** A command, from the last reply to its end. RFC 5321 §4.5.3.2.7. @default 300_000 */
  readonly command?: number;
  /** Waiting for a message before `rate` counts. RFC 5321 §4.5.3.2.5. @default 180_000 */
  readonly data?: number;
  /** Octets a second that a message has to come with on average, apart from `data`. @default 500 */
  readonly rate?: number;
  /** TLS handshake. @default 30_000 */
  readonly tls?: number;
  /** Header of the PROXY protocol. @default 10_000 */
  readonly proxy?: number;
  /** Each call of a hook: `authenticate`, `sender`, `recipient` and the steps of `policies`. @default 60_000 */
  readonly hook?: number;
  /**
   * After there was no room for a message (4.3.1): so long MAIL is answered 452 unless SIZE says that it is a smaller one, or one that is
   * no smaller is taken meanwhile. @default 1000
   */
  readonly room?: number;
  /** `to.send`, and up to a hundredth more; a client waits ten minutes for the reply (RFC 5321 §4.5.3.2.6). @default 540_000 */
  readonly send?: number;
  /** A login that failed is answered after this, times the failures of the connection. @default 1000 */
  readonly loginDelay?: number;
  /** For messages that are coming in when the server is disposed. @default 30_000 */
  readonly shutdown?: number;
}

export const limitRules: Rules<Limits> = {
  connections: isInteger(1),
  connectionsPerClient: isInteger(1),
  size: isInteger(1024),
  header: isInteger(1024, 16 * 1024 * 1024),
  line: isInteger(998, 16 * 1024 * 1024),
  recipients: isInteger(100, 100_000),
  mails: isInteger(1),
  command: isInteger(512, 65_536),
  errors: isInteger(1),
  deferrals: isInteger(1),
  junk: isInteger(1),
  loginFailures: isInteger(1),
  loginFailuresPerClient: isInteger(1),
  loginFailuresPerAccount: isInteger(1),
  passwordChecks: isInteger(1, 1000),
  loginPeriod: isDuration,
  received: isInteger(1),
};

export const timeoutRules: Rules<Timeouts> = {
  command: isDuration,
  data: isDuration,
  rate: isInteger(1),
  tls: isDuration,
  proxy: isDuration,
  hook: isDuration,
  room: isDuration,
  send: isDuration,
  loginDelay: isInteger(0, 60_000),
  shutdown: isDuration,
};

export function limitsFor(mode: string, given: Limits = {}): Required<Limits> {
  return {
    connections: 1000,
    connectionsPerClient: mode === "lmtp" ? 1000 : 50,
    size: 50 * 1024 * 1024,
    header: 256 * 1024,
    line: mode === "submission" ? 998 : 65_536,
    recipients: 1000,
    mails: 1000,
    command: 2048,
    errors: 20,
    deferrals: 1000,
    junk: 100,
    loginFailures: 3,
    loginFailuresPerClient: 20,
    loginFailuresPerAccount: 20,
    passwordChecks: 3,
    loginPeriod: 600_000,
    received: 100,
    ...definedOf(given),
  };
}

export function timeoutsFrom(given: Timeouts = {}): Required<Timeouts> {
  return {
    command: 300_000,
    data: 180_000,
    rate: 500,
    tls: 30_000,
    proxy: 10_000,
    hook: 60_000,
    room: 1000,
    send: 540_000,
    loginDelay: 1000,
    shutdown: 30_000,
    ...definedOf(given),
  };
}

/** What was given; undefined counts as not given. */
function definedOf<T extends object>(given: T): { readonly [K in keyof T]?: NonNullable<T[K]> } {
  const result: { [K in keyof T]?: NonNullable<T[K]> } = {};
  for (const key in given) {
    const value = given[key];
    if (value !== undefined && value !== null) result[key] = value;
  }
  return result;
}
