/** What a sender was told. `unsent`: the line dropped before its message was all written, so that nobody can have it. */
export type Told = "accepted" | "deferred" | "rejected" | "unknown" | "unsent";

/** A mail as its sender knows it. */
export interface Submission {
  readonly id: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  /** SHA-256 of its bytes. */
  readonly hash: string;
  readonly told: Told;
  /** The reply, where there was one. */
  readonly reply?: string;
}

/** A mail that arrived at the sink, for one of its recipients. */
export interface Copy {
  readonly id: string;
  readonly recipient: string;
  readonly hash: string;
  /** Milliseconds since 1970: just before the sink said 250. */
  readonly at: number;
}

/** A delivery status notification that arrived at the sink. */
export interface Report {
  /** Its Message-ID. */
  readonly id: string;
  /** Whom it was sent to. */
  readonly to: string;
  /** Whom it is about. */
  readonly recipients: readonly string[];
  readonly at: number;
}

/** What the sink knows. */
export interface SinkLedger {
  readonly copies: readonly Copy[];
  readonly reports: readonly Report[];
}

/** What the queue said it was done with, and when: the moment after that was on disk. */
export interface Settled {
  readonly mail: string;
  readonly recipient: string;
  readonly at: number;
}

/** The first header of every mail that is sent: what comes before it was added on the way. */
export const MARK = "X-Ledger-Id: ";

/**
 * Recipients say themselves what becomes of them: `refused.…` is unknown, `later2.…` gets a mail at the third attempt,
 * `never.…` at none. The mail's id is in the address, so that no two mails share one.
 */
export const FATES = ["taken", "refused", "later1", "later2", "never"] as const;
export type Fate = (typeof FATES)[number];

export function addressFor(fate: Fate, id: string, number: number): string {
  return `${fate}.${id}.${number}@d${(Number.parseInt(id, 36) + number) % 10}.example`;
}

export function fateOf(address: string): Fate {
  return FATES.find((fate) => address.startsWith(`${fate}.`)) ?? "taken";
}
