import { ConfigError } from "@postroad/core";
import type { Bucket, ThrottleStore } from "./store.ts";

/** What we need of a limiter of rate-limiter-flexible, whichever store it has. */
export interface RateLimiterLike {
  /** Points that can be had in one window. */
  readonly points: number;
  consume(key: string, points: number): Promise<unknown>;
}

/**
 * A store on rate-limiter-flexible 11, which keeps its counts in Redis, Valkey, PostgreSQL, MySQL, MongoDB, SQLite and
 * others: `rateLimiterStore((window) => new RateLimiterRedis({ storeClient, keyPrefix: "mail", ...window }))`.
 * It counts in windows: all of `rate` may be had at the beginning of one, and `burst` has no meaning.
 */
export function rateLimiterStore(
  create: (window: { readonly points: number; readonly duration: number }) => RateLimiterLike,
): ThrottleStore {
  const limiters = new Map<string, RateLimiterLike>();

  function limiterFor({ rate, per }: Bucket): RateLimiterLike {
    const key = `${rate}/${per}`;
    const limiter = limiters.get(key) ?? create({ points: rate, duration: per / 1000 });
    limiters.set(key, limiter);
    if (limiter.points === rate) return limiter;
    const message = `made a limiter of ${limiter.points} points; hand on the { points, duration } that it is given`;
    throw new ConfigError("rateLimiterStore", [{ path: "create", message }]);
  }

  return {
    async take(lane, tokens, bucket) {
      try {
        await limiterFor(bucket).consume(lane, Math.min(tokens, bucket.rate));
        return 0;
      } catch (refused) {
        // It rejects with an Error where it failed, and with what is left of the window where there are no points.
        if (refused instanceof Error || !hasWait(refused)) throw refused;
        return Math.max(1, refused.msBeforeNext);
      }
    },
  };
}

function hasWait(refused: unknown): refused is { readonly msBeforeNext: number } {
  return (
    typeof refused === "object" &&
    refused !== null &&
    "msBeforeNext" in refused &&
    typeof refused.msBeforeNext === "number"
  );
}
