import { ConfigError, mailboxKey } from "@postroad/core";
import type { RewriteOptions } from "./rewrite.ts";
import { isAddress } from "./several.ts";

/**
 * For `rewrite({ to: aliases({ … }) })`: addresses by the address that they replace. `"@example.org"` stands for all
 * of a domain that are not listed themselves. One step: what an alias leads to is not looked up again.
 */
export function aliases(table: Readonly<Record<string, string | readonly string[]>>): NonNullable<RewriteOptions["to"]> {
  const known = new Map<string, string | readonly string[]>();
  for (const [alias, target] of Object.entries(table)) {
    const targets = [target].flat();
    if (targets.length === 0 || !targets.every(isAddress)) {
      throw new ConfigError("aliases", [{ path: alias, message: "must lead to an address or several" }]);
    }
    known.set(mailboxKey(alias), target);
  }
  return ({ address }) => {
    const key = mailboxKey(address);
    return known.get(key) ?? known.get(key.slice(key.lastIndexOf("@")));
  };
}
