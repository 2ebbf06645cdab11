import { ConfigError, nearest } from "@postroad/core";
import type { Protocol, Security, SmtpOptions } from "./options.ts";
import { PRESETS } from "./presets.ts";
import { defined } from "./resolve.ts";

const PARAMETERS = ["pool", "security", "name", "label", "deadline", "pipelining"] as const;
type Parameter = (typeof PARAMETERS)[number];

/**
 * Options from `smtps://user:pass@host:465?pool=5`, `smtp://…` (STARTTLS) or `lmtp://host:24`, and `more`, which goes
 * before them. User and password are percent-decoded, so any character can stand in them. Parameters: pool, security,
 * name, label, deadline (milliseconds), pipelining.
 */
export function optionsOfUrl(text: string, protocol: Protocol, more: Partial<SmtpOptions> = {}): SmtpOptions {
  const url = parse(text, protocol);
  const secure = url.protocol === "smtps:";
  const options: Mutable<SmtpOptions> = { host: decode(url.hostname.replace(/^\[|\]$/g, "")) };
  if (url.port !== "") options.port = Number(url.port);
  if (secure) options.security = "tls";
  if (url.username !== "" && url.password === "" && more.auth === undefined) throw wrong("url", "has a user and no password");
  if (url.username !== "" || url.password !== "") options.auth = { user: decode(url.username), pass: decode(url.password) };
  for (const [name, value] of url.searchParams) {
    if (url.searchParams.getAll(name).length > 1) throw wrong(name, "stands there twice");
    apply(options, name, value);
  }
  const all = { ...options, ...defined(more) };
  if (secure && all.security !== "tls") throw wrong("security", 'contradicts smtps://, which is security "tls"');
  return all;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const SHAPE = {
  smtp: { schemes: ["smtp:", "smtps:"], like: "smtps://user:pass@host:465, with special characters percent-encoded, or be the name of a service" },
  lmtp: { schemes: ["lmtp:"], like: "lmtp://host:24" },
} as const;

function parse(text: string, protocol: Protocol): URL {
  const { schemes, like } = SHAPE[protocol];
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !schemes.some((scheme) => scheme === url.protocol) || url.hostname === "") {
    // The text itself may hold a password, so it is not shown; one without any punctuation is a service's name.
    const near = /^[\w-]+$/.test(text) ? nearest(text, Object.keys(PRESETS)) : undefined;
    throw wrong("url", near === undefined ? `must look like ${like}` : `is no service; did you mean ${near}?`);
  }
  if (url.pathname !== "" && url.pathname !== "/") throw wrong("url", "must have no path; percent-encode a / in the password");
  if (url.search.includes("@")) throw wrong("url", "must have no @ behind a ?; percent-encode a ? in the password");
  if (url.hash !== "") throw wrong("url", "must have no fragment; percent-encode a # in the password");
  return url;
}

function apply(options: Mutable<SmtpOptions>, name: string, value: string): void {
  if (!isParameter(name)) {
    const near = nearest(name, PARAMETERS);
    throw wrong(name, `is not a parameter; ${near === undefined ? `there are ${PARAMETERS.join(", ")}` : `did you mean ${near}?`}`);
  }
  if (name === "pool" || name === "deadline") options[name] = numberOf(name, value);
  else if (name === "pipelining") options.pipelining = booleanOf(name, value);
  else if (name === "name" || name === "label") options[name] = value;
  else options.security = securityOf(value);
}

function numberOf(name: string, value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw wrong(name, "must be a whole number");
  return Number(value);
}

function booleanOf(name: string, value: string): boolean {
  if (value !== "true" && value !== "false") throw wrong(name, "must be true or false");
  return value === "true";
}

function securityOf(value: string): Security {
  const found = (["tls", "starttls", "opportunistic", "none"] as const).find((security) => security === value);
  if (found === undefined) throw wrong("security", "must be one of tls, starttls, opportunistic, none");
  return found;
}

function isParameter(name: string): name is Parameter {
  return PARAMETERS.some((known) => known === name);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("url", "has a % in user, password or host that is not followed by two hexadecimal digits; write it as %25");
  }
}

function wrong(path: string, message: string): ConfigError {
  return new ConfigError("smtp", [{ path, message }]);
}
