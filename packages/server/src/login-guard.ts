import { createHash } from "node:crypto";
import { siteKey } from "./clients.ts";
import type { Limits } from "./limits.ts";
import type { Counts } from "./login-counts.ts";
import { counts } from "./login-counts.ts";
import { wrongSecrets } from "./wrong-secrets.ts";

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
 *
 * A secret that is wrong again, from the same address for the same account, counts in none of them: behind one address there may be many,
 * of which one has an old password.
 *
 * Logins that are tried at once would all pass below the limit. So no more are under way than may fail; the others wait until it is
 * known how those end, since they may all be right.
 */
export interface LoginGuard {
  /** No login from here is looked at now. */
  barred(client: string): boolean;
  /**
   * Begins a login as soon as it stays within the limits, in the order of asking. "barred" where a limit is reached, "busy" where too
   * many wait already. `user` is whom the client claims to be, `""` where it does not say; `secret` what it shows, if that can be compared.
   */
  begin(client: string, user: string, secret?: string): Promise<Attempt | "barred" | "busy">;
  /** Counts a failure of a login in which there was nothing to look at: no guess at any account. */
  failed(client: string): void;
}

/** A login under way. One of these is called, once. */
export interface Attempt {
  /** The same was found wrong a moment ago, and need not be looked at. */
  readonly hopeless: boolean;
  failed(): void;
  /** It was right: its failures from here at this account are forgotten. */
  succeeded(): void;
  /** It could not be told: no fault of the client's. */
  undecided(): void;
}

/** Who tries: the address, and with a name the account and both. */
interface Who {
  readonly client: string;
  readonly account: string | undefined;
  readonly pair: string;
  readonly secret: string | undefined;
}

interface Waiting {
  readonly who: Who;
  readonly resume: (how: Attempt | "barred") => void;
}

/** Failures that an address has at an account under attack. */
const TRIES_UNDER_ATTACK = 3;
/** Logins that wait, in all. */
const MAX_WAITING = 1000;

/** How a count stands: below its limit whatever happens, at it if all under way fails, at it. */
const BELOW = 0;
const NEAR = 1;
const REACHED = 2;

export function loginGuard({ loginFailuresPerClient, loginFailuresPerAccount, loginPeriod }: Required<Limits>, clock: () => number): LoginGuard {
  const clients = counts(loginPeriod, clock);
  const accounts = counts(loginPeriod, clock);
  const pairs = counts(loginPeriod, clock);
  const wrong = wrongSecrets(loginPeriod, clock);
  let waiting: readonly Waiting[] = [];

  function standing({ client, account, pair }: Who): number {
    const address = standingOf(clients, client, loginFailuresPerClient);
    if (account === undefined) return address;
    const attacked = standingOf(accounts, account, loginFailuresPerAccount);
    return Math.max(address, Math.min(attacked, standingOf(pairs, pair, TRIES_UNDER_ATTACK)));
  }

  function start({ client, account, pair, secret }: Who): Attempt {
    const suspect = account === undefined || secret === undefined ? undefined : wrong(client, account, secret);
    const hopeless = suspect?.hopeless === true;
    const ends = [clients.begin(client), ...(account === undefined ? [] : [accounts.begin(account), pairs.begin(pair)])];
    const end = (failed: boolean): void => {
      for (const each of ends) each(failed);
    };
    return {
      hopeless,
      failed() {
        end(!hopeless && suspect?.found() !== false);
        goOn();
      },
      succeeded() {
        pairs.forget(pair);
        end(false);
        goOn();
      },
      undecided() {
        end(false);
        goOn();
      },
    };
  }

  /** Whoever waits does so for one under way, so one that ends is when to look. */
  function goOn(): void {
    waiting = waiting.filter(({ who, resume }) => {
      const now = standing(who);
      if (now === NEAR) return true;
      resume(now === REACHED ? "barred" : start(who));
      return false;
    });
  }

  return {
    barred: (client) => clients.failed(client) >= loginFailuresPerClient,
    async begin(client, user, secret) {
      const who = whoIs(client, user, secret);
      const now = standing(who);
      if (now === REACHED) return "barred";
      if (now === BELOW) return start(who);
      if (waiting.length >= MAX_WAITING) return "busy";
      return new Promise((resume) => (waiting = [...waiting, { who, resume }]));
    },
    failed: (client) => start(whoIs(client, "")).failed(),
  };
}

function standingOf(of: Counts, key: string, limit: number): number {
  if (of.failed(key) >= limit) return REACHED;
  return of.possible(key) >= limit ? NEAR : BELOW;
}

/** Names are compared as addresses mostly are; what clients send may be long, and is kept short. */
function whoIs(client: string, user: string, secret?: string): Who {
  if (user === "") return { client, account: undefined, pair: "", secret };
  const account = createHash("sha256").update(user.normalize("NFKC").toLowerCase()).digest("base64url").slice(0, 22);
  return { client, account, pair: `${siteKey(client)} ${account}`, secret };
}
