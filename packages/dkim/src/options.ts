import type { Rules } from "@postroad/core";
import { checkOptions, isInteger } from "@postroad/core";

export interface DkimOptions {
  /** How often a recipient is tried in all, from 1 to 10. @default 2 */
  readonly attempts?: number;
}

const rules: Rules<DkimOptions> = { attempts: isInteger(1, 10) };

/** Fills in the defaults. Throws a ConfigError that names every wrong option. */
export function resolveDkimOptions(options: DkimOptions): Required<DkimOptions> {
  checkOptions("dkim", options, rules);
  return { attempts: options.attempts ?? 2 };
}
