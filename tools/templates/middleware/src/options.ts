import type { Rules } from "@postroad/core";
import { checkOptions, isInteger } from "@postroad/core";

export interface PatienceOptions {
  /** How often a recipient is tried in all, from 1 to 10. @default 2 */
  readonly attempts?: number;
}

const rules: Rules<PatienceOptions> = { attempts: isInteger(1, 10) };

/** Fills in the defaults. Throws a ConfigError that names every wrong option. */
export function resolvePatienceOptions(options: PatienceOptions): Required<PatienceOptions> {
  checkOptions("patience", options, rules);
  return { attempts: options.attempts ?? 2 };
}
