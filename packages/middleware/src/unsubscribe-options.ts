import { Buffer } from "node:buffer";
import type { Message, Recipient, Rule, Rules } from "@postroad/core";
import { checkOptions, ConfigError, isFunction } from "@postroad/core";
import type { Subscription } from "./token.ts";

/** At least 32 bytes of chance; several to change it: the first one is used for new mail, all of them are honoured. */
export type Secret = string | Uint8Array | readonly (string | Uint8Array)[];

export interface UnsubscribeOptions {
  /** Where the handler listens: https, without a `token` parameter of its own. */
  readonly url: string | URL;
  readonly secret: Secret;
  /** Which list a mail belongs to, where there are several. At most 255 octets. @default "" */
  readonly list?: string | ((message: Message, recipient: Recipient) => string);
  /** An address that takes requests by mail as well; their subject is `unsubscribe` and the token. */
  readonly mailto?: string;
}

export interface UnsubscribeHandlerOptions {
  readonly secret: Secret;
  /** Takes the address off the list. Called again for one that is off already: that has to work too. */
  readonly onUnsubscribe: (subscription: Subscription) => Promise<void> | void;
  /** The HTML that people see, given a form to confirm with or, once done, none. @default a plain page in English */
  readonly page?: (form: string | undefined) => string;
}

const SHORTEST = 32;

/** Says nothing of the value. */
const isSecret: Rule = (value) => {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  const good = (one: unknown): boolean => (typeof one === "string" || one instanceof Uint8Array) && one.length >= SHORTEST;
  return all.length > 0 && all.every(good) ? undefined : `must be a string or bytes, ${SHORTEST} long at least`;
};

const isUrl: Rule = (value) => {
  const url = URL.parse(String(value));
  if (url?.protocol !== "https:" || url.hash !== "") return "must be an https URL (RFC 8058 §3.1), without fragment";
  if (url.username !== "" || url.password !== "") return "must not hold a user or password";
  if (url.searchParams.has("token")) return "must not have a parameter token of its own";
  return url.href.length > 400 ? "must not be longer than 400 characters" : undefined;
};

const isMailto: Rule = (value) =>
  typeof value === "string" && /^[\w.+=-]{1,64}@[A-Za-z\d.-]{1,253}$/.test(value)
    ? undefined
    : "must be an address of letters, digits and . + = _ -";

const isList: Rule = (value) =>
  typeof value === "string" || typeof value === "function" ? undefined : "must be a string or a function";

const rules: Rules<UnsubscribeOptions> = { url: isUrl, secret: isSecret, list: isList, mailto: isMailto };

const handlerRules: Rules<UnsubscribeHandlerOptions> = { secret: isSecret, onUnsubscribe: isFunction, page: isFunction };

export function checkUnsubscribe(options: UnsubscribeOptions): void {
  checkOptions("unsubscribe", options, rules, ["url", "secret"]);
  if (typeof options.list === "string") checkList(options.list);
}

export function checkHandler(options: UnsubscribeHandlerOptions): void {
  checkOptions("unsubscribeHandler", options, handlerRules, ["secret", "onUnsubscribe"]);
}

/** Longer names would make lines that are too long for mail. */
export function checkList(list: string): void {
  if (Buffer.byteLength(list) <= 255) return;
  throw new ConfigError("unsubscribe", [{ path: "list", message: "must not be longer than 255 octets" }]);
}

/** The bytes of each secret. */
export function secretsOf(secret: Secret): readonly Uint8Array<ArrayBuffer>[] {
  const all = typeof secret === "string" || secret instanceof Uint8Array ? [secret] : secret;
  return all.map((one) => new Uint8Array(Buffer.from(one)));
}
