import { Refusal, checkOptions, isDuration, isFunction, isString } from "@postroad/core";
import type { Rules } from "@postroad/core";
import type { Authenticator } from "./authenticator.ts";
import type { Login } from "./types.ts";

/** Where to ask about tokens. */
export interface IntrospectionOptions {
  /** The authorization server's introspection endpoint (RFC 7662 §2). */
  readonly url: string;
  /** By which the mail server is known there. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** The scope a token must have. @default any */
  readonly scope?: string;
  /** The login of an active token. Gets the response; undefined refuses. @default the response's `username`, else its `sub` */
  readonly login?: (response: Readonly<Record<string, unknown>>) => Login | undefined;
  /** Milliseconds for the answer. @default 10_000 */
  readonly timeout?: number;
  /** @default the platform's */
  readonly fetch?: typeof globalThis.fetch;
}

const rules: Rules<IntrospectionOptions> = {
  url: isString,
  clientId: isString,
  clientSecret: (value) => (typeof value === "string" ? undefined : "must be a string"),
  scope: isString,
  login: isFunction,
  timeout: isDuration,
  fetch: isFunction,
};

/**
 * Logins by token (OAUTHBEARER, XOAUTH2), asked about at the server that gave them out (RFC 7662). The client must be whom the token
 * is for. Where that server cannot be asked, the client hears "not now".
 */
export function tokenIntrospection(options: IntrospectionOptions): Authenticator {
  checkOptions("tokenIntrospection", options, rules, ["url", "clientId", "clientSecret"]);
  const { login = loginOf } = options;
  return {
    async token({ user, token }) {
      const response = await introspect(token, options);
      if (response.active !== true || !hasScope(response, options.scope)) return undefined;
      const found = login(response);
      // OAUTHBEARER may leave the name to the token (RFC 7628 §3.1).
      return found !== undefined && (user === "" || user.toLowerCase() === found.user.toLowerCase()) ? found : undefined;
    },
  };
}

async function introspect(token: string, options: IntrospectionOptions): Promise<Readonly<Record<string, unknown>>> {
  const { url, clientId, clientSecret, timeout = 10_000, fetch = globalThis.fetch } = options;
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(":");
  const response = await fetch(url, {
    method: "POST",
    redirect: "error",
    signal: AbortSignal.timeout(timeout),
    headers: { authorization: `Basic ${Buffer.from(credentials).toString("base64")}`, accept: "application/json" },
    body: new URLSearchParams({ token, token_type_hint: "access_token" }),
  });
  if (!response.ok) throw new Refusal("4.7.0", `the introspection endpoint answers ${response.status}`);
  const body: unknown = await response.json();
  if (!isRecord(body)) throw new Refusal("4.7.0", "the introspection endpoint answers with something that is no object");
  return body;
}

function hasScope({ scope }: Readonly<Record<string, unknown>>, wanted: string | undefined): boolean {
  return wanted === undefined || (typeof scope === "string" && scope.split(" ").includes(wanted));
}

function loginOf({ username, sub }: Readonly<Record<string, unknown>>): Login | undefined {
  const user = username ?? sub;
  return typeof user === "string" && user !== "" ? { user } : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
