import type { Rules } from "@postroad/core";
import { checkOptions, isInteger } from "@postroad/core";
import { unlessAborted } from "../wait.ts";
import type { Answer, RecordType, Resolver } from "./resolver.ts";

export interface CacheOptions {
  /** Answers kept at most; the oldest goes first. @default 10_000 */
  readonly entries?: number;
  /** Seconds that an answer is kept at least, whatever its TTL says. @default 5 */
  readonly shortest?: number;
  /** Seconds that it is kept at most. @default 86_400 */
  readonly longest?: number;
  /** Seconds that the answer "there is none" is kept at most (RFC 2308 §5). @default 3600 */
  readonly longestNegative?: number;
}

const rules: Rules<CacheOptions> = {
  entries: isInteger(1),
  shortest: isInteger(0, 3600),
  longest: isInteger(0, 604_800),
  longestNegative: isInteger(0, 10_800),
};

/** Milliseconds that a failure is kept, so that a thousand mails to a broken domain ask once (RFC 2308 §7). */
const FAILURE = 5_000;

interface Entry {
  readonly answer: Promise<Answer>;
  /** Milliseconds since 1970; undefined while the answer is on its way. */
  until: number | undefined;
}

/** Keeps answers as long as their TTL allows; who asks for what is being asked for waits for that answer. */
export function cached(resolver: Resolver, options: CacheOptions, clock: () => number): Resolver {
  checkOptions("mx: cache", options, rules);
  const { entries = 10_000, shortest = 5, longest = 86_400, longestNegative = 3600 } = options;
  const kept = new Map<string, Entry>();

  function keepFor({ state, ttl }: Answer): number {
    const most = state === "found" ? longest : Math.min(longest, longestNegative);
    return Math.min(Math.max(ttl, shortest), most) * 1000;
  }

  function start(key: string, name: string, type: RecordType): Entry {
    // Nobody's own signal: others may wait for the same answer. Async, for a resolver that throws.
    const answer = (async () => resolver.resolve(name, type, {}))();
    const entry: Entry = { answer, until: undefined };
    kept.delete(key);
    kept.set(key, entry);
    const [oldest] = kept.keys();
    if (kept.size > entries && oldest !== undefined) kept.delete(oldest);
    answer.then(
      (found) => (entry.until = clock() + keepFor(found)),
      () => (entry.until = clock() + FAILURE),
    );
    return entry;
  }

  return {
    resolve(name, type, sending) {
      const key = `${type} ${name}`;
      const found = kept.get(key);
      const fresh = found !== undefined && (found.until === undefined || clock() < found.until);
      return unlessAborted((fresh ? found : start(key, name, type)).answer, sending);
    },
  };
}
