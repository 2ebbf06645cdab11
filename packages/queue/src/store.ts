import type { Content, Deferred, Envelope, Mail, Outcome, Recipient } from "@postroad/core";

/**
 * - `ready`: to be delivered once it is due.
 * - `held`: kept back by a person until it is released.
 * - `dead`: given up, kept for a person to inspect or to try again.
 */
export type EntryState = "ready" | "held" | "dead";

/** A recipient who is done with, and of whom the sender is still to be told. */
export interface Owed {
  readonly recipient: Recipient;
  /** What became of the mail; without `cause`. */
  readonly outcome: Outcome;
  /** Reports attempted. */
  readonly tries: number;
}

/** Recipients of one mail that share a destination, and how far their delivery has come. Plain data. */
export interface Entry {
  /** From the mail's id and the recipients it was first for: adding an entry twice is adding it once. */
  readonly key: string;
  /** `id` of the mail. */
  readonly mail: string;
  /** Its `to` lists who is still to be delivered to: nobody, where only reports are owed. */
  readonly envelope: Envelope;
  readonly meta: Mail["meta"];
  /** The destination: what has the same lane shares limits, back-off and parking. */
  readonly lane: string;
  /** -9 to 9; the higher is claimed first (RFC 6710). */
  readonly priority: number;
  readonly state: EntryState;
  /** When the queue took it over, in milliseconds since 1970. */
  readonly createdAt: number;
  /** Not to be claimed before: milliseconds since 1970. */
  readonly dueAt: number;
  /** Its age counts from here. Like `createdAt`, but the store moves it on by the time in which nobody claimed. */
  readonly agesFrom: number;
  /** Worthless from here on, as its sender said: milliseconds since 1970. */
  readonly expiresAt?: number;
  /** Of the mails with the same series only the newest goes out. */
  readonly series?: string;
  /** Deliveries attempted. */
  readonly attempts: number;
  /**
   * Leases that ran out since it was last tried to an end: how often a worker died with it. Only the store counts it up. From two on
   * it is a suspect: it may be what they died of.
   */
  readonly lapses: number;
  /** What was said last of those still to be delivered to; without `cause`. Empty before the first attempt. */
  readonly last: readonly Deferred[];
  /** Whom the sender is still to be told of. */
  readonly owed?: readonly Owed[];
  /** The sender was told that it is late. */
  readonly delayed?: boolean;
  /** Why it is held or dead, for people. */
  readonly note?: string;
}

/** The right to deliver an entry, until it runs out or is settled. */
export interface Lease {
  readonly entry: Entry;
  /** Another for every lease. A write in the name of an old one changes nothing. */
  readonly token: string;
  /** Its lane was parked: what comes of this one shows whether it works again. */
  readonly probe?: boolean;
}

/** An entry of which the store cannot read any more what it was: dead, kept for a person as far as it is there. */
export interface Damaged {
  readonly key: string;
  /** `id` of the mail. */
  readonly mail: string;
  readonly lane: string;
  /** What is wrong with it. */
  readonly note: string;
}

export interface ClaimRequest {
  /** The time, in milliseconds since 1970. */
  readonly now: number;
  /** Leases wanted at most. */
  readonly limit: number;
  /** Leases wanted beside these, of entries that are due and have a priority above 0. A suspect comes alone. @default 0 */
  readonly urgent?: number;
  /** Leases that a lane may have at once, those of all workers together. */
  readonly perLane: number;
  /** Other limits than `perLane`, by lane; 0 leaves a lane out. */
  readonly lanes?: ReadonlyMap<string, number>;
  /** Milliseconds for which the leases hold. */
  readonly ttl: number;
  /**
   * Entries whose `agesFrom` is this or earlier are given too, whatever their due time and their lane's parking, within
   * its limit: somebody has to give them up. Those past `expiresAt` always are, whatever the limit. Neither holds for
   * an entry with nobody left in `envelope.to`.
   */
  readonly aged?: number;
  /** In the same way, entries that are not `delayed` yet, whose `agesFrom` is this or earlier: somebody has to tell the sender. */
  readonly late?: number;
  /**
   * A suspect is wanted: where one is due, or past its time as above, it is given before all others, and alone, so that
   * nothing else dies with its worker. Without this none is given. `late` asks for no suspects.
   */
  readonly suspects?: boolean;
  /** Told of entries that this claim would have given, had they been readable. Must not throw. */
  readonly onDamaged?: (entry: Damaged) => void;
}

/** What `add` did, entry by entry. */
export interface Added {
  /** False where the key was there already, or was finished within the time in which the store remembers keys. */
  readonly added: readonly boolean[];
  /** Keys of older entries that gave way to a newer one of their series. */
  readonly superseded: readonly string[];
}

/** Which entries; all of the parts given have to hold, and at least one is given. */
export interface Selection {
  readonly key?: string;
  /** `id` of the mail. */
  readonly mail?: string;
  readonly lane?: string;
  readonly state?: EntryState;
}

/** One entry as people see it. */
export interface Listed extends Entry {
  /** A worker has it now. */
  readonly leased: boolean;
  /** Bytes of the content. */
  readonly size: number;
}

export interface ListRequest extends Selection {
  /** The key of the last entry of the page before. */
  readonly after?: string;
  /** At most 1000. @default 100 */
  readonly limit?: number;
}

/** Entries in numbers. */
export interface Counts {
  /** Ready, due and not leased. */
  readonly due: number;
  /** Ready, not due yet. */
  readonly waiting: number;
  readonly leased: number;
  readonly held: number;
  readonly dead: number;
  /** `createdAt` of the oldest that is neither held nor dead. */
  readonly oldest?: number;
}

export interface LaneCounts extends Counts {
  readonly lane: string;
  /** Nothing of it is claimed before. */
  readonly parkedUntil?: number;
}

export interface QueueStats extends Counts {
  /** Bytes of the contents that are kept. */
  readonly bytes: number;
  /** The fullest lanes, 100 at most. */
  readonly lanes: readonly LaneCounts[];
}

/**
 * Keeps the queue's mail. It is data; policy is the queue's and its worker's.
 *
 * - What cannot be written down is an error, never a success: a method rejects with a `Refusal`, 4.3.1 where the store
 *   or its disk is full, 4.3.0 for anything else, and has not happened. Where it may have happened all the same, whole then, it is
 *   `uncertain`: `get` tells.
 * - One entry that it cannot read any more keeps it from no other: that one is dead from then on, with a `note`, shown with
 *   an empty envelope, and found again where it is tried again.
 * - Several workers, in one process or many, may use the same store at once, if their clocks agree to within a minute, and to
 *   within half of the `ttl` that they ask for.
 * - `now` may jump. Where it lies more than a minute before the last claim's (which the store keeps, durably to within
 *   a minute), every entry keeps its age, and what was tried, leases and parked lanes keep the time they had left. Where
 *   it lies more than an hour after, nobody was there to deliver: `agesFrom` of every entry moves on by the time
 *   between. What is added at such a time (its `createdAt`) gets its `agesFrom` as if it were added at the last claim, so
 *   that the next one moves it to where it belongs, to within an hour. `expiresAt` and the due time of what was never tried are what the sender said, and stay; but what was due
 *   stays due. Numbers that are no times (NaN, Infinity) are refused.
 */
export interface Store extends AsyncDisposable {
  /** For logs, e.g. `sqlite:mail.db`. */
  readonly name: string;
  /** Durable when it resolves: one content, one or more entries, all or nothing. Refuses with 4.3.1 where it is full. */
  add(entries: readonly Entry[], content: Content): Promise<Added>;
  /**
   * Ready entries that are due, each given to one caller: highest priority first, in turns between lanes, and within a
   * lane in turns between what is new and what was tried before. Counts a lapse where an earlier lease had run out.
   */
  claim(request: ClaimRequest): Promise<readonly Lease[]>;
  /** The bytes that were added with the entry; readable while its lease holds. */
  read(lease: Lease): Content;
  /** Lengthens leases. False where one was lost. */
  renew(leases: readonly Lease[], until: number): Promise<readonly boolean[]>;
  /**
   * The entry's next state, or null where it is finished; its key is then remembered for a while. False where the lease
   * was lost: then nothing was written. An entry that was superseded meanwhile is finished in any case. `agesFrom` is the
   * store's own: that of `next` is not looked at. Its lane stays too. Of `lapses` the lower counts, that of `next` or the store's own:
   * whoever hands back what was not begun keeps it, whoever tried writes 0.
   */
  settle(lease: Lease, next: Entry | null): Promise<boolean>;
  /** Nothing of this lane is claimed before `until`, and then one entry at a time, until 0 ends it. */
  park(lane: string, until: number): Promise<void>;
  /**
   * When there may be something to claim: milliseconds since 1970, in the past where only the limit of its lane holds
   * something back; undefined where there is nothing to wait for.
   */
  nextDue(): Promise<number | undefined>;
  /** Calls `wake` whenever something may have become claimable, as far as this process knows. Gives what ends it. */
  watch(wake: () => void): () => void;

  /** In numbers. `now` tells what is due. */
  stats(now: number): Promise<QueueStats>;
  /** In the order of keys. */
  list(request?: ListRequest): Promise<readonly Listed[]>;
  get(key: string): Promise<Listed | undefined>;
  /**
   * Changes the entries selected and gives their number. A store may do so in pieces, with other calls in between: then
   * some may be changed where it rejects, and one that is added meanwhile may be too. Those that are leased are left alone: whoever delivers them
   * settles what becomes of them.
   * - `cancel`: gone, without any report.
   * - `hold`: kept back. - `release`: what is held is ready again.
   * - `retry`: due at `now`, with its age, its attempts' count and its lapses begun anew where it was dead; its lane is no longer parked.
   */
  change(selection: Selection, what: "cancel" | "hold" | "release" | "retry", now: number): Promise<number>;
}
