import type { ForAll, Middleware, Outcome, Receipt, Recipient, Rejected, Rule, Rules } from "@postroad/core";
import { checkOptions, ConfigError, isString, mailboxKey, merge, narrow, receipt, wrap } from "@postroad/core";

export interface AllowListOptions {
  /** Who may get mail: addresses, whole domains as `@example.org`, or a function. */
  readonly allow: readonly string[] | ((recipient: Recipient) => boolean);
  /** Where mail for all others goes instead. @default nowhere: they are rejected with 5.7.1 */
  readonly redirectTo?: string;
}

const isAllow: Rule = (value) =>
  typeof value === "function" || Array.isArray(value) ? undefined : "must be a list or a function";
const rules: Rules<AllowListOptions> = { allow: isAllow, redirectTo: isString };

/**
 * Sends to these recipients only, for everywhere but production. All others are rejected, or, with `redirectTo`, their
 * mail goes there, once, and they are reported with the outcome it has there.
 */
export function allowList(options: AllowListOptions): Middleware {
  const { isAllowed, redirectTo } = resolve(options);
  return (next) =>
    wrap("allowList", next, async (mail, sending) => {
      const allowed = mail.envelope.to.filter(isAllowed);
      if (allowed.length === mail.envelope.to.length) return next.send(mail, sending);
      const others = mail.envelope.to.filter((to) => !allowed.includes(to));
      if (redirectTo === undefined) {
        const rejected = receipt(narrow(mail, others), refused);
        return allowed.length === 0 ? rejected : merge(mail, rejected, await next.send(narrow(mail, allowed), sending));
      }
      const report = await next.send(narrow(mail, withOnce(allowed, redirectTo)), sending);
      return merge(mail, report, asTold(report, redirectTo, others));
    });
}

const refused: ForAll<Rejected> = {
  kind: "rejected",
  status: "5.7.1",
  by: "allowList",
  message: "not sent: the recipient is not on the allow list of this environment",
};

function withOnce(allowed: readonly Recipient[], address: string): readonly Recipient[] {
  const isThere = allowed.some((to) => mailboxKey(to.address) === mailboxKey(address));
  return isThere ? allowed : [...allowed, { address }];
}

/** The outcome at `address`, for each of those whose mail went there. */
function asTold({ mail, outcomes }: Receipt, address: string, others: readonly Recipient[]): Receipt {
  const told = outcomes.find(({ recipient }) => mailboxKey(recipient) === mailboxKey(address));
  if (told === undefined) return { mail, outcomes: [] };
  return { mail, outcomes: others.map((to): Outcome => ({ ...told, recipient: to.address })) };
}

function resolve(options: AllowListOptions): {
  readonly isAllowed: (recipient: Recipient) => boolean;
  readonly redirectTo: string | undefined;
} {
  checkOptions("allowList", options, rules, ["allow"]);
  const { allow, redirectTo } = options;
  if (redirectTo !== undefined && !ADDRESS.test(redirectTo)) throw wrong("redirectTo", "must be an address");
  if (typeof allow === "function") return { isAllowed: allow, redirectTo };
  const bad = allow.findIndex((entry) => typeof entry !== "string" || !ENTRY.test(entry));
  if (bad !== -1) throw wrong(`allow[${bad}]`, "must be an address, or a domain as @example.org");
  const keys = new Set(allow.map(mailboxKey));
  return {
    isAllowed({ address }) {
      const key = mailboxKey(address);
      return keys.has(key) || keys.has(key.slice(Math.max(0, key.lastIndexOf("@"))));
    },
    redirectTo,
  };
}

/** Enough to tell an address from a slip; the transport checks what goes on the wire. */
const ADDRESS = /^[^@\s][^\s]*@[^@\s]+$/;
const ENTRY = /^[^\s]*@[^@\s]+$/;

function wrong(path: string, message: string): ConfigError {
  return new ConfigError("allowList", [{ path, message }]);
}
