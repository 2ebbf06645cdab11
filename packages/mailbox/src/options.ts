import type { Rules } from "@postroad/core";
import { checkOptions, ConfigError, isFunction, isInteger, isObject, isOneOf } from "@postroad/core";
import type { Lookup, Quota } from "./lookup.ts";

export interface MaildirOptions {
  /**
   * Whose mail is kept where: `accounts({ … })`, or a function.
   * @default whoever has a directory `mailboxPath(address)` below the root, with or without a +tag
   */
  readonly lookup?: Lookup;
  /** How much each mailbox may hold, where the lookup says nothing else. @default no limit */
  readonly quota?: Quota;
  /** Mail for a full mailbox is deferred with 4.2.2, since it may be emptied, or rejected with 5.2.2. @default "defer" */
  readonly whenFull?: "defer" | "reject";
  /** User and group that files and directories are given to; needs root. @default those of the process */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** How many mails are written at once; others wait. @default 32, 1 to 1000 */
  readonly concurrency?: number;
  /** This host in the names of files. @default os.hostname() */
  readonly hostname?: string;
  /** The current time in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

const isAmount = isInteger(0);
const isId = isInteger(0, 0xffff_fffe);
export const quotaRules: Rules<Quota> = { bytes: isAmount, messages: isAmount };

const ownerRules: Rules<NonNullable<MaildirOptions["owner"]>> = { uid: isId, gid: isId };

const rules: Rules<MaildirOptions> = {
  lookup: isFunction,
  quota: isObject,
  whenFull: isOneOf("defer", "reject"),
  owner: isObject,
  concurrency: isInteger(1, 1000),
  hostname: (value) => (typeof value === "string" && value !== "" ? undefined : "must be a host name"),
  now: isFunction,
};

/** Throws a ConfigError that names every wrong option. */
export function checkMaildirOptions(root: string, options: MaildirOptions): void {
  if (typeof root !== "string" || root === "" || root.includes("\0")) {
    throw new ConfigError("maildir", [{ path: "root", message: "must be the path of a directory" }]);
  }
  checkOptions("maildir", options, rules);
  if (options.quota !== undefined) checkOptions("maildir quota", options.quota, quotaRules);
  if (options.owner !== undefined) checkOptions("maildir owner", options.owner, ownerRules, ["uid", "gid"]);
}
