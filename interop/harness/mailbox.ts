import { found } from "./changes.ts";
import type { Arrival } from "./maildir.ts";
import { countMaildir, readMaildir } from "./maildir.ts";

/** Recipients that the servers of the tests take in one transaction. */
export const RECIPIENT_LIMIT = 20;
/** They refuse it with 451 at RCPT. */
export const DEFERRED = "deferred@example.test";
/** Debian's user and group for what owns nothing. */
export const NOBODY = 65_534;

export interface Mailbox {
  readonly address: string;
  /** What has arrived, when that is `count` mails or more and everything the server has taken so far is delivered. */
  arrivals(count: number): Promise<readonly Arrival[]>;
}

export interface ArrivalsOptions {
  /** Of the server's log: a delivery is in there when it is done, so it is enough to watch that. */
  readonly folder: string;
  readonly maildir: string;
  readonly count: number;
  /** Does the log tell of a mail that has come and is not delivered? */
  readonly isBusy: () => Promise<boolean>;
}

/** Waits for what arrives in a Maildir. */
export function arrivalsIn({ folder, maildir, count, isBusy }: ArrivalsOptions): Promise<readonly Arrival[]> {
  return found({
    folder,
    sought: `${count} mails in ${maildir}`,
    async probe() {
      if ((await countMaildir(maildir)) < count) return undefined;
      return (await isBusy()) ? undefined : readMaildir(maildir);
    },
  });
}
