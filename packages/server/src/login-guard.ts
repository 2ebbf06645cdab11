import type { Limits } from "./limits.ts";

/**
 * Remembers from where logins fail, so that guessing gets slow (RFC 4954 §9). One that succeeds makes up for none: who has an
 * account of their own could guess at those of others for ever.
 */
export interface LoginGuard {
  /** Logins from here are not looked at for a while. */
  barred(client: string): boolean;
  failed(client: string): void;
}

/** Clients that are remembered at once; the oldest is forgotten first. */
const MAX_CLIENTS = 10_000;

export function loginGuard({ loginFailuresPerClient, loginPeriod }: Required<Limits>, clock: () => number): LoginGuard {
  const failures = new Map<string, { count: number; readonly until: number }>();

  function current(client: string): { count: number; readonly until: number } | undefined {
    const entry = failures.get(client);
    if (entry === undefined || entry.until > clock()) return entry;
    failures.delete(client);
    return undefined;
  }

  return {
    barred: (client) => (current(client)?.count ?? 0) >= loginFailuresPerClient,
    failed(client) {
      const entry = current(client);
      if (entry !== undefined) {
        entry.count += 1;
        return;
      }
      failures.set(client, { count: 1, until: clock() + loginPeriod });
      const [oldest] = failures.keys();
      if (failures.size > MAX_CLIENTS && oldest !== undefined) failures.delete(oldest);
    },
    };
}
