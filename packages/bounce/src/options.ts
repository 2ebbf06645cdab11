import type { Address, Mail, Outcome, Rule, Rules } from "@postroad/core";
import { checkOptions, ConfigError, isFunction, isInteger, isObject, isOneOf, mailboxKey } from "@postroad/core";

/** What became of a recipient (RFC 3464 §2.3.3). */
export type Action = "failed" | "delayed" | "delivered" | "relayed";

export interface ReportOptions {
  /** The mail reported on. The report goes to its `envelope.from`. */
  readonly mail: Mail;
  /**
   * What to report, of recipients of the mail: rejected or given up for "failed", deferred for "delayed", accepted for
   * "delivered" and "relayed". Of several outcomes of one recipient the last counts.
   */
  readonly outcomes: readonly Outcome[];
  /** `Action:` of every recipient in this report. */
  readonly action: Action;
  /** Host name of who reports: `Reporting-MTA: dns; …` (RFC 3464 §2.2.2). */
  readonly reportingMta: string;
  /** Author of the report. @default Mail Delivery System <MAILER-DAEMON@reportingMta> */
  readonly from?: string | Address;
  /** When the mail came in, in milliseconds since 1970: `Arrival-Date:` (§2.2.5). @default left out */
  readonly arrivedAt?: number;
  /** When it was last tried, in milliseconds since 1970: `Last-Attempt-Date:` (§2.3.7). @default left out */
  readonly lastAttemptAt?: number;
  /** Until when it is tried, in milliseconds since 1970: `Will-Retry-Until:` (§2.3.9), for "delayed". @default left out */
  readonly willRetryUntil?: number;
  /**
   * Up to how many bytes a failed mail is returned in full; a longer one, and one with `RET=HDRS`, by its header only
   * (RFC 3461 §4.3). @default 51_200, 0 to 67_108_864
   */
  readonly maxOriginal?: number;
  /** Id of the report. @default made from the mail's id, the action and the recipients, so that the same report has the same */
  readonly id?: string;
  /** Notes for the way of the report. @default none */
  readonly meta?: Mail["meta"];
  /** The current time in milliseconds since 1970, for `Date:`. @default Date.now */
  readonly now?: () => number;
}

/** The last moment a Date can hold. */
const isTime = isInteger(0, 8.64e15);

const isHostName: Rule = (value) =>
  typeof value === "string" && value.length <= 255 && /^(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)*[a-z\d](?:[a-z\d-]*[a-z\d])?$/i.test(value)
    ? undefined
    : "must be a host name in ASCII, such as mail.example.org";

const isId: Rule = (value) =>
  typeof value === "string" && value !== "" && !/\p{Cc}/u.test(value) ? undefined : "must be a string of one line, not empty";

const isFrom: Rule = (value) => (typeof value === "string" ? undefined : isObject(value));

const rules: Rules<ReportOptions> = {
  mail: isObject,
  outcomes: (value) => (Array.isArray(value) ? undefined : "must be an array of outcomes"),
  action: isOneOf("failed", "delayed", "delivered", "relayed"),
  reportingMta: isHostName,
  from: isFrom,
  arrivedAt: isTime,
  lastAttemptAt: isTime,
  willRetryUntil: isTime,
  maxOriginal: isInteger(0, 64 * 1024 * 1024),
  id: isId,
  meta: isObject,
  now: isFunction,
};

const KINDS: Readonly<Record<Action, readonly Outcome["kind"][]>> = {
  // A deferred recipient fails when the time for it has run out.
  failed: ["rejected", "deferred"],
  delayed: ["deferred"],
  delivered: ["accepted"],
  relayed: ["accepted"],
};

/** Throws a ConfigError for wrong options, and for outcomes that contradict the mail or the action. */
export function checkReportOptions(options: ReportOptions): void {
  checkOptions("deliveryReport", options, rules, ["mail", "outcomes", "action", "reportingMta"]);
  const { mail, outcomes, action } = options;
  const known = new Set(mail.envelope.to.map(({ address }) => mailboxKey(address)));
  const issues = outcomes.flatMap(({ recipient, kind }, index) => {
    const path = `outcomes[${index}]`;
    if (!known.has(mailboxKey(recipient))) return [{ path, message: "is about nobody in the envelope of the mail" }];
    if (KINDS[action].includes(kind)) return [];
    return [{ path, message: `is ${kind}, which is not what "${action}" reports` }];
  });
  if (issues.length > 0) throw new ConfigError("deliveryReport", issues);
}
