import { hostname as systemName } from "node:os";
import type { TlsOptions as NodeTlsOptions } from "node:tls";
import type { ConfigIssue, Rule, Rules, Transport } from "@postroad/core";
import { ConfigError, checkOptions, isBoolean, isFunction, isInteger, isObject, isOneOf, isString } from "@postroad/core";
import type { Authenticate, Authenticator } from "./authenticator.ts";
import { authenticatorOf } from "./authenticator.ts";
import type { OnEvent } from "./events.ts";
import { safely } from "./events.ts";
import { bounded, boundedAuthenticator, boundedPolicy, inTime } from "./hooks.ts";
import type { Limits, Timeouts } from "./limits.ts";
import { limitRules, limitsFor, timeoutRules, timeoutsFrom } from "./limits.ts";
import { isHostName } from "./path.ts";
import type { SpoolOptions } from "./spool.ts";
import type { Mode, Policy, RecipientCheck, SenderCheck } from "./types.ts";

/** Passed to node:tls: key, cert, ca, SNICallback, minVersion (at least TLSv1.2) and so on. */
export type TlsOptions = Omit<NodeTlsOptions, "requestCert" | "rejectUnauthorized" | "handshakeTimeout" | "ticketKeys">;

interface CommonOptions {
  /** Takes the mail; 250 is said when it has. The server owns it: lend it with `borrow()` where others use it too. */
  readonly to: Transport;
  /** Name of this server, in the greeting and in Received. @default the system's */
  readonly hostname?: string;
  /** Certificate and key. Without it there is no TLS. */
  readonly tls?: TlsOptions;
  /** May this recipient be sent to? Required for "mx", where it alone decides who is local. @default everybody */
  readonly recipient?: RecipientCheck;
  /** In order; the first that refuses is heard. */
  readonly policies?: readonly Policy[];
  readonly limits?: Limits;
  readonly timeouts?: Timeouts;
  readonly spool?: SpoolOptions;
  /** Addresses and networks (`10.0.0.0/8`) of proxies, which must begin each connection with a PROXY header, version 1 or 2. */
  readonly proxies?: readonly string[];
  readonly onEvent?: OnEvent;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
}

interface SmtpServerOptions extends CommonOptions {
  /**
   * Takes reports to the sender about recipients that `to` did not accept while it accepted others, where one answer
   * is all there is. Without it such a mail is answered with 554 that names them. A queue never needs it. Owned, like `to`.
   */
  readonly bounce?: Transport;
}

/** A server for one's own users (RFC 6409): port 465 or 587, login required. */
export interface SubmissionOptions extends SmtpServerOptions {
  readonly mode?: "submission";
  /** Who may log in: a function that checks a password, or an Authenticator such as `passwordFile(path)`. */
  readonly authenticate: Authenticate;
  /** As whom may they send? False lets everybody send as anybody. @default the `senders` of the login */
  readonly sender?: SenderCheck | false;
  /** Lets clients tell their password without TLS, where anyone on the way can read it. @default false */
  readonly insecureCleartextAuth?: boolean;
}

/** A server for other servers (RFC 5321), port 25: takes mail for local recipients and relays for nobody. */
export interface MxOptions extends SmtpServerOptions {
  readonly mode: "mx";
  readonly recipient: RecipientCheck;
}

/** A server for a mail system next door (RFC 2033): one answer for each recipient. Not for the open network. */
export interface LmtpOptions extends CommonOptions {
  readonly mode: "lmtp";
}

export type ServerOptions = SubmissionOptions | MxOptions | LmtpOptions;

/** Options with everything decided. */
export interface Settings {
  readonly mode: Mode;
  readonly to: Transport;
  readonly bounce: Transport | undefined;
  readonly hostname: string;
  readonly tls: TlsOptions | undefined;
  readonly authenticator: Authenticator;
  readonly sender: SenderCheck | undefined;
  readonly recipient: RecipientCheck;
  readonly policies: readonly Policy[];
  readonly limits: Required<Limits>;
  readonly timeouts: Required<Timeouts>;
  readonly spool: SpoolOptions;
  readonly proxies: readonly string[];
  readonly cleartextAuth: boolean;
  readonly onEvent: OnEvent;
  readonly clock: () => number;
}

const isTransport: Rule = (value) =>
  typeof value === "object" && value !== null && "send" in value ? undefined : "must be a transport, such as queue(store)";
const isName: Rule = (value) =>
  typeof value === "string" && isHostName(value) ? undefined : "must be a host name, such as mail.example.org";
const isAuthenticate: Rule = (value) =>
  typeof value === "function" || (typeof value === "object" && value !== null)
    ? undefined
    : "must be a function that checks a password, or an Authenticator such as passwordFile(path)";
const isCheck: Rule = (value) => (value === false ? undefined : isFunction(value));
const isList: Rule = (value) => (Array.isArray(value) ? undefined : "must be a list");

const common: Rules<CommonOptions & { readonly mode: Mode }> = {
  mode: isOneOf("submission", "mx", "lmtp"),
  to: isTransport,
  hostname: isName,
  tls: isObject,
  recipient: isFunction,
  policies: isList,
  limits: isObject,
  timeouts: isObject,
  spool: isObject,
  proxies: isList,
  onEvent: isFunction,
  clock: isFunction,
};
const rules = {
  submission: { ...common, bounce: isTransport, authenticate: isAuthenticate, sender: isCheck, insecureCleartextAuth: isBoolean },
  mx: { ...common, bounce: isTransport },
  lmtp: common,
} satisfies Record<Mode, Readonly<Record<string, Rule>>>;

const spoolRules: Rules<SpoolOptions> = { memory: isInteger(0), total: isInteger(0), directory: isString };

/** Throws a ConfigError for what is unknown, wrong, missing or contradicts itself. */
export function settingsFrom(options: ServerOptions): Settings {
  const mode = options.mode ?? "submission";
  const known: Readonly<Record<string, Rule>> = Object.hasOwn(rules, mode) ? rules[mode] : common;
  const required = mode === "submission" ? ["to", "authenticate"] : mode === "mx" ? ["to", "recipient"] : ["to"];
  checkOptions<Record<string, unknown>>("createServer", { ...options }, { ...known, ...hints(mode) }, required);
  checkOptions("createServer limits", options.limits ?? {}, limitRules);
  checkOptions("createServer timeouts", options.timeouts ?? {}, timeoutRules);
  checkOptions("createServer spool", options.spool ?? {}, spoolRules);
  const settings = settled(options, mode);
  const issues = contradictions(settings);
  if (issues.length > 0) throw new ConfigError("createServer", issues);
  return settings;
}

function settled(options: ServerOptions, mode: Mode): Settings {
  const submission = options.mode === undefined || options.mode === "submission" ? options : undefined;
  const timeouts = timeoutsFrom(options.timeouts);
  const within = inTime(timeouts.hook);
  const sender = submission === undefined || submission.sender === false ? undefined : (submission.sender ?? maySendAs);
  return {
    mode,
    to: options.to,
    bounce: options.mode === "lmtp" ? undefined : options.bounce,
    hostname: options.hostname ?? systemName(),
    tls: options.tls,
    authenticator: boundedAuthenticator(authenticatorOf(submission?.authenticate), within),
    sender: sender === undefined ? undefined : bounded("sender", sender, within),
    recipient: bounded("recipient", options.recipient ?? (() => true), within),
    policies: (options.policies ?? []).map((policy) => boundedPolicy(policy, within)),
    limits: limitsFor(mode, options.limits),
    timeouts,
    spool: options.spool ?? {},
    proxies: options.proxies ?? [],
    cleartextAuth: submission?.insecureCleartextAuth ?? false,
    onEvent: safely(options.onEvent),
    clock: options.clock ?? Date.now,
  };
}

/** Options of another mode: the name is right, the place is not. */
function hints(mode: Mode): Readonly<Record<string, Rule>> {
  if (mode === "submission") return {};
  const submission = says(`is for mode "submission"; a server in mode "${mode}" knows no logins`);
  const all = { authenticate: submission, sender: submission, insecureCleartextAuth: submission };
  return mode === "mx" ? all : { ...all, bounce: says(`is not for mode "lmtp", which answers for each recipient`) };
}

function says(message: string): Rule {
  return () => message;
}

function contradictions({ mode, tls, cleartextAuth, authenticator }: Settings): readonly ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  if (tls?.minVersion === "TLSv1" || tls?.minVersion === "TLSv1.1") {
    issues.push({ path: "tls.minVersion", message: `is ${tls.minVersion}, which is broken; TLSv1.2 is the least (RFC 8314 §4.1)` });
  }
  if (mode !== "submission") return issues;
  if (tls === undefined && !cleartextAuth) {
    issues.push({ path: "tls", message: "is missing: nobody can log in without TLS; or set insecureCleartextAuth" });
  }
  if (Object.values(authenticator).every((part) => typeof part !== "function")) {
    issues.push({ path: "authenticate", message: "has none of password, scram, token and certificate" });
  }
  return issues;
}

/**
 * The rule where there is no other: an address, or a domain, that the login is known by. Only what stands in `senders` may be a pattern: a
 * name is whatever its owner could register, and `*` is one.
 */
export const maySendAs: SenderCheck = (address, { user, senders }) => {
  const wanted = address.toLowerCase();
  if (senders === undefined) return wanted === user.toLowerCase();
  const domain = wanted.slice(wanted.lastIndexOf("@"));
  return senders.some((sender) => sender === "*" || [wanted, domain].includes(sender.toLowerCase()));
};

