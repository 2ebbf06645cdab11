import { checkOptions, isOneOf } from "@postroad/core";

/** Name and password. */
export interface Login {
  readonly user: string;
  /** Sent as UTF-8. */
  readonly pass: string;
  /** The one SASL mechanism to use. @default the strongest offered: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, CRAM-MD5, PLAIN, LOGIN */
  readonly method?: PasswordMethod;
}

/** An OAuth 2.0 access token instead of a password. */
export interface TokenLogin {
  readonly user: string;
  /** The token, or what gets one; asked again with `refresh: true`, once, when the server refuses the last one. */
  readonly token: string | ((request: { readonly refresh: boolean }) => string | Promise<string>);
  /** The one SASL mechanism to use. @default OAUTHBEARER, else XOAUTH2 */
  readonly method?: TokenMethod;
}

/** The client certificate of `tls` says who we are (RFC 4422 appendix A). */
export interface CertificateLogin {
  readonly method: "EXTERNAL";
  /** Whom to act as. @default whom the certificate names */
  readonly user?: string;
}

/** How to log in (RFC 4954). */
export type Auth = Login | TokenLogin | CertificateLogin;

export type PasswordMethod = "SCRAM-SHA-256-PLUS" | "SCRAM-SHA-256" | "CRAM-MD5" | "PLAIN" | "LOGIN";
export type TokenMethod = "OAUTHBEARER" | "XOAUTH2";

/** Throws a ConfigError for a login that is wrong. It never shows a value: one of them is a secret. */
export function checkAuth(auth: Auth): void {
  if ("token" in auth) {
    const method = isOneOf("OAUTHBEARER", "XOAUTH2");
    checkOptions("smtp: auth", auth, { user: isPlainName, token: isTokenOrSource, method }, ["user", "token"]);
  } else if (auth.method === "EXTERNAL") {
    checkOptions("smtp: auth", auth, { user: isText, method: isOneOf("EXTERNAL") }, ["method"]);
  } else {
    const method = isOneOf("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN");
    checkOptions("smtp: auth", auth, { user: isPlainName, pass: isText, method }, ["user", "pass"]);
  }
}

function isName(value: unknown): string | undefined {
  return value === "" ? "must not be empty" : isText(value);
}

function isText(value: unknown): string | undefined {
  return typeof value === "string" && !value.includes("\0") ? undefined : "must be a string without NUL";
}

/** A name for people and logs; and the fields of a token login are kept apart by \x01. */
function isPlainName(value: unknown): string | undefined {
  const clean = typeof value === "string" && !/\p{Cc}/u.test(value);
  return clean ? isName(value) : "must be a string without control characters";
}

function isTokenOrSource(value: unknown): string | undefined {
  return typeof value === "function" || isToken(value) ? undefined : "must be a token or a function that gives one";
}

/** RFC 6750 §2.1 allows less; services do not keep to it. */
export function isToken(value: unknown): value is string {
  return typeof value === "string" && /^[\x21-\x7e]+$/.test(value);
}
