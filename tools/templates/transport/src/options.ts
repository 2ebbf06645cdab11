import type { Recipient, Rules } from "@postroad/core";
import { checkOptions, ConfigError, isFunction } from "@postroad/core";

export interface CourierOptions {
  /**
   * Takes responsibility for one recipient's copy: the final bytes of the mail (RFC 5322). Throws a Refusal where it
   * does not; anything else it throws leaves that recipient deferred and uncertain.
   */
  readonly take: (recipient: Recipient, bytes: Uint8Array) => Promise<void> | void;
}

const rules: Rules<CourierOptions> = { take: isFunction };

/** Throws a ConfigError that names every wrong option, and one that is missing. */
export function checkCourierOptions(options: CourierOptions): void {
  checkOptions("courier", options, rules);
  const issue = isFunction(options.take);
  if (issue !== undefined) throw new ConfigError("courier", [{ path: "take", message: issue }]);
}
