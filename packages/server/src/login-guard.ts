import { createHash } from "node:crypto";
import { siteKey } from "./clients.ts";
import type { Limits } from "./limits.ts";

/**
 * Remembers whose logins fail, so that guessing gets slow (RFC 4954 §9). Three counts, each kept for `loginPeriod`:
 *
 * - by address: past `loginFailuresPerClient` none of its logins is looked at. A login that succeeds makes up for none: who has an
 *   account of their own could guess at those of others for ever.
 * - by account, whoever tries: past `loginFailuresPerAccount` it is under attack. That alone bars nobody, or anybody could lock its
 *   owner out from elsewhere.
 * - by address and account: while the account is under attack, each address has `TRIES_UNDER_ATTACK` of it. Many addresses guess
 *   no more than that many times each, and the owner's own addresses are as good as ever. Networks of IPv6 are cheap: what a site may
 *   have counts as one here.
 */
export interface LoginGuard {
  /** No login from here is looked at now. */
  barred(client: string): boolean;
  /**
   * Counts a failure in advance, so that logins which are tried at once do not all pass below the limit. Undefined where the limit is
   * reached. `user` is whom the client claims to be, `""` where it does not say.
   */
  begin(client: string, user: string): Attempt | undefined;
}

/** A login under way. It has failed unless one of these is called. */
export interface Attempt {
  /** It was right: its failures from here at this account are forgotten. */
  succeeded(): void;
  /** It could not be told: no fault of the client's. */
  undecided(): void;
}

/** Of each count; the oldest is forgotten first. */
const MAX_ENTRIES = 10_000;
/** Failures that an address has at an account under attack. */
const TRIES_UNDER_ATTACK = 3;

export function loginGuard({ loginFailuresPerClient, loginFailuresPerAccount, loginPeriod }: Required<Limits>, clock: () => number): LoginGuard {
  const clients = counts(loginPeriod, clock);
  const accounts = counts(loginPeriod, clock);
  const pairs = counts(loginPeriod, clock);
  const barred = (client: string): boolean => clients.of(client) >= loginFailuresPerClient;
  return {
    barred,
    begin(client, user) {
      const account = user === "" ? undefined : accountKey(user);
      const pair = account === undefined ? undefined : `${siteKey(client)} ${account}`;
      const attacked = account !== undefined && accounts.of(account) >= loginFailuresPerAccount;
      if (barred(client) || (attacked && pair !== undefined && pairs.of(pair) >= TRIES_UNDER_ATTACK)) return undefined;
      const taken = [clients.add(client), ...(account === undefined ? [] : [accounts.add(account)]), ...(pair === undefined ? [] : [pairs.add(pair)])];
      const undecided = (): void => {
        for (const takeBack of taken) takeBack();
      };
      return {
        undecided,
        succeeded() {
          undecided();
          if (pair !== undefined) pairs.forget(pair);
        },
      };
    },
  };
}

/** Names are compared as addresses mostly are; what clients send may be long, and is kept short. */
function accountKey(user: string): string {
  return createHash("sha256").update(user.normalize("NFKC").toLowerCase()).digest("base64url").slice(0, 22);
}

interface Counts {
  of(key: string): number;
  /** Gives what takes it back. */
  add(key: string): () => void;
  forget(key: string): void;
}

/** Counts for `period` milliseconds from the first on. */
function counts(period: number, clock: () => number): Counts {
  const entries = new Map<string, { count: number; readonly until: number }>();

  function current(key: string): { count: number; readonly until: number } | undefined {
    const entry = entries.get(key);
    if (entry === undefined || entry.until > clock()) return entry;
    entries.delete(key);
    return undefined;
  }

  return {
    of: (key) => current(key)?.count ?? 0,
    add(key) {
      const entry = current(key) ?? { count: 0, until: clock() + period };
      entries.set(key, entry);
      entry.count += 1;
      const [oldest] = entries.keys();
      if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
      return () => {
        entry.count -= 1;
        if (entry.count === 0 && entries.get(key) === entry) entries.delete(key);
      };
    },
    forget: (key) => void entries.delete(key),
  };
}
