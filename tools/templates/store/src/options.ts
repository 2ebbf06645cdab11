import type { Rules } from "@postroad/core";
import { checkOptions, ConfigError, isInteger } from "@postroad/core";

export interface LarderOptions {
  /** Entries kept at most; `add` refuses more with 4.3.1. @default 100_000 */
  readonly maxEntries?: number;
  /** Bytes of contents kept at most; `add` refuses more with 4.3.1. @default 100_000_000 */
  readonly maxBytes?: number;
  /** Milliseconds for which the key of a finished entry is remembered. @default 345_600_000, four days */
  readonly remember?: number;
}

const rules: Rules<LarderOptions> = { maxEntries: isInteger(1), maxBytes: isInteger(1), remember: isInteger(0) };

/** Fills in the defaults. Throws a ConfigError that names every wrong option. */
export function resolveLarderOptions(path: string, options: LarderOptions): Required<LarderOptions> {
  if (typeof path !== "string" || path === "") {
    throw new ConfigError("larder", [{ path: "path", message: "must name the file to keep the mail in" }]);
  }
  checkOptions("larder", options, rules);
  const { maxEntries = 100_000, maxBytes = 100_000_000, remember = 345_600_000 } = options;
  return { maxEntries, maxBytes, remember };
}
