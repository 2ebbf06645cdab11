import type { Rules } from "@postroad/core";
import { checkOptions, ConfigError, isDuration, isInteger } from "@postroad/core";
import { resolve } from "node:path";
import type { Settings } from "./messages.ts";

const DAY = 86_400_000;

export interface SqliteStoreOptions {
  /** Entries kept at most; `add` refuses more with 4.3.1. @default 10_000_000 */
  readonly maxEntries?: number;
  /** Bytes of contents kept at most; `add` refuses more with 4.3.1. @default 10 GiB */
  readonly maxBytes?: number;
  /** Contents of more bytes than this are files beside the database, up to 1 MiB. @default 65_536 */
  readonly inlineLimit?: number;
  /** Milliseconds for which the key of a finished entry is remembered, so that it is not added again. @default 4 days */
  readonly remember?: number;
  /** Milliseconds to wait for another process that has the database locked. @default 5000 */
  readonly busyTimeout?: number;
  /** Milliseconds between looks for mail that other processes added, while somebody watches. @default 250 */
  readonly pollInterval?: number;
}

const rules: Rules<SqliteStoreOptions> = {
  maxEntries: isInteger(1),
  maxBytes: isInteger(1),
  inlineLimit: isInteger(0, 1_048_576),
  remember: isInteger(0, 366 * DAY),
  busyTimeout: isInteger(0, 3_600_000),
  pollInterval: isDuration,
};

export interface Resolved extends Settings {
  readonly inlineLimit: number;
  readonly pollInterval: number;
}

/** Fills in the defaults. Throws a ConfigError that names every wrong option, or says what is wrong with the path. */
export function resolveSqliteOptions(path: string, options: SqliteStoreOptions): Resolved {
  const problem = pathProblem(path);
  if (problem !== undefined) throw new ConfigError("sqliteStore", [{ path: "path", message: problem }]);
  checkOptions("sqliteStore", options, rules);
  const file = resolve(path);
  return {
    path: file,
    folder: `${file}-contents`,
    maxEntries: options.maxEntries ?? 10_000_000,
    maxBytes: options.maxBytes ?? 10 * 1024 ** 3,
    inlineLimit: options.inlineLimit ?? 65_536,
    remember: options.remember ?? 4 * DAY,
    busyTimeout: options.busyTimeout ?? 5000,
    pollInterval: options.pollInterval ?? 250,
  };
}

function pathProblem(path: unknown): string | undefined {
  if (typeof path !== "string") return `must be the path of a file, not a value of type ${typeof path}`;
  if (path === "") return 'is empty; name a file, e.g. "mail.db"';
  if (path === ":memory:") {
    return '":memory:" would lose every mail with the process; name a file, or use memoryStore() of @postroad/queue';
  }
  if (path.startsWith("file:")) return "is a URL; give the path of the file";
  if (path.includes("\0")) return "holds a NUL character";
  return /[/\\]$/.test(path) ? "is a folder; name a file in it" : undefined;
}
