import type { ConfigIssue, Message, Rewrite, Rules } from "@postroad/core";
import { checkOptions, ConfigError, isObject, wrap } from "@postroad/core";
import { withFields } from "./header.ts";

export interface DefaultsOptions {
  /** Header fields for every message that does not have them: name and value, in printable ASCII. */
  readonly headers: Readonly<Record<string, string>>;
}

const rules: Rules<DefaultsOptions> = { headers: isObject };

/** Printable ASCII but for the colon (RFC 5322 §2.2). */
const NAME = /^[!-9;-~]{1,76}$/;
const VALUE = /^[!-~](?:[ -~]*[!-~])?$/;
const LONGEST_WORD = 900;

/** What a message has decided by the time it is sent, or what describes its bytes. */
const OWNED =
  /^(?:from|sender|reply-to|to|cc|bcc|subject|date|message-id|in-reply-to|references|return-path|received|mime-version|content-.+|dkim-signature|arc-.+|resent-.+)$/i;

/**
 * Adds header fields to every message that does not have them, such as `X-Environment` or `Organization`. Put it before
 * what signs. From and the like are decided when a message is made: these defaults are createMailer's.
 */
export function defaults(options: DefaultsOptions): Rewrite<Message> {
  checkOptions("defaults", options, rules, ["headers"]);
  const fields = Object.entries(options.headers);
  const issues = fields.flatMap(([name, value]) => issueOf(name, value));
  if (issues.length > 0) throw new ConfigError("defaults", issues);
  return (next) => wrap("defaults", next, (message, sending) => next.send(withFields(message, fields), sending));
}

function issueOf(name: string, value: unknown): readonly ConfigIssue[] {
  const path = `headers.${name.slice(0, 40)}`;
  if (!NAME.test(name)) return [{ path: "headers", message: `${JSON.stringify(name.slice(0, 40))} is no field name` }];
  if (OWNED.test(name)) return [{ path, message: "is decided by the message; give it to createMailer or the draft" }];
  const isValue = typeof value === "string" && VALUE.test(value);
  if (!isValue) return [{ path, message: "must be printable ASCII, without space at its ends" }];
  if (value.split(" ").some(({ length }) => length > LONGEST_WORD)) {
    return [{ path, message: `has a word of over ${LONGEST_WORD} characters, which no line can hold` }];
  }
  return [];
}
