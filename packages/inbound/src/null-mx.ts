import { resolveMx } from "node:dns/promises";
import { domainToASCII } from "node:url";
import type { Rules } from "@postroad/core";
import { Refusal, checkOptions, isDuration, isFunction } from "@postroad/core";
import type { Policy } from "@postroad/server";

/** MX records of a domain; `exchange` of a null MX is `""` or `"."`. Rejects where there are none, as node:dns does. */
export type ResolveMx = (domain: string) => Promise<readonly { readonly exchange: string; readonly priority: number }[]>;

export interface NullMxOptions {
  /** Milliseconds for the answer; then the sender passes. @default 5000 */
  readonly timeout?: number;
  /** @default the system's resolver */
  readonly resolveMx?: ResolveMx;
}

const rules: Rules<NullMxOptions> = { timeout: isDuration, resolveMx: isFunction };

/**
 * Refuses senders whose domain says that it takes no mail (null MX), with 550 5.7.27, at MAIL: nobody could answer them, and no report would
 * reach them (RFC 7505 §4.2). A null MX beside others is a mistake and counts for nothing (§3). Where DNS does not answer nobody is
 * refused: a mail is not lost by it, and its sender is not to blame.
 */
export function nullMx(options: NullMxOptions = {}): Policy {
  checkOptions("nullMx", options, rules);
  const { timeout = 5000, resolveMx: resolve = resolveMx } = options;
  return {
    name: "nullMx",
    async sender(from) {
      const domain = domainToASCII(from.slice(from.lastIndexOf("@") + 1));
      // A report has no sender, an address literal no records.
      if (from === "" || domain === "" || domain.startsWith("[")) return;
      if (await takesNoMail(domain, resolve, timeout)) throw new Refusal("5.7.27", `the sender's domain ${domain} takes no mail (null MX)`);
    },
  };
}

async function takesNoMail(domain: string, resolve: ResolveMx, timeout: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly never[]>((settle) => (timer = setTimeout(() => settle([]), timeout)));
  try {
    const records = await Promise.race([resolve(domain), late]);
    return records.length === 1 && ["", "."].includes(records[0]?.exchange ?? "-");
  } catch {
    // No records, no such domain, or no answer: other rules' concern.
    return false;
  } finally {
    clearTimeout(timer);
  }
}
