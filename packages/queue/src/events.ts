import type { Accepted, Deferred, Outcome, Rejected } from "@postroad/core";

/** What an event is about. */
export interface About {
  /** Key of the entry. */
  readonly key: string;
  /** `id` of the mail. */
  readonly mail: string;
  readonly lane: string;
  /** Notes of the mail. */
  readonly meta: Readonly<Record<string, string>>;
}

/** Told by `queue`: mail is in the store. */
export interface AcceptedEvent extends About {
  readonly kind: "accepted";
  readonly at: number;
  readonly recipients: readonly string[];
  /** It was there already, or was finished not long ago: nothing was added. */
  readonly known: boolean;
}

/** Told by `queue`: a newer mail of the same series came, and this one goes to nobody any more. */
export interface SupersededEvent {
  readonly kind: "superseded";
  readonly at: number;
  readonly key: string;
  /** `id` of the newer mail. */
  readonly by: string;
}

/** A delivery was attempted, and this is what it came to. */
export interface AttemptEvent extends About {
  readonly kind: "attempt";
  readonly at: number;
  /** From 1. */
  readonly attempt: number;
  readonly outcomes: readonly Outcome[];
}

/** Recipients are to be tried again. */
export interface DeferredEvent extends About {
  readonly kind: "deferred";
  readonly at: number;
  /** When. */
  readonly dueAt: number;
  readonly outcomes: readonly Deferred[];
}

/** The last word on recipients, written down: nobody delivers to them any more. */
export interface SettledEvent extends About {
  readonly kind: "settled";
  readonly at: number;
  readonly outcomes: readonly (Accepted | Rejected)[];
}

/** Recipients were given up, for their time is over: 5.4.7. "settled" follows once that is written down. */
export interface ExpiredEvent extends About {
  readonly kind: "expired";
  readonly at: number;
  readonly outcomes: readonly Rejected[];
}

/** A report to the sender. */
export interface BouncedEvent extends About {
  readonly kind: "bounced";
  readonly at: number;
  readonly action: "failed" | "delayed" | "relayed";
  readonly recipients: readonly string[];
  /** Is it on its way? Where not, `reason` says why. */
  readonly bounced: boolean;
  /** `id` of the report. */
  readonly report?: string;
  readonly reason?: string;
}

/** Nothing of a lane is delivered before `until`, and then one mail to see. */
export interface ParkedEvent {
  readonly kind: "parked";
  readonly at: number;
  readonly lane: string;
  readonly until: number;
  /** What was said last. */
  readonly outcome: Deferred;
}

/** A lane that was parked takes mail again. */
export interface UnparkedEvent {
  readonly kind: "unparked";
  readonly at: number;
  readonly lane: string;
}

/** An entry is kept for a person: a dead letter. */
export interface DeadEvent extends About {
  readonly kind: "dead";
  readonly at: number;
  /**
   * Workers died with it; nobody could be told of its failure; it may be delivered already; the store refuses to
   * write what became of it ("lost" tells that), or cannot read it any more (then `recipients` and `meta` are empty).
   */
  readonly reason: "lapsed" | "unreported" | "uncertain" | "unwritable" | "damaged";
  readonly note: string;
  readonly recipients: readonly string[];
}

/**
 * The lease was lost, or the worker stopped, before the result could be written down, or the store refuses it: the same may be
 * delivered again.
 */
export interface LostEvent extends About {
  readonly kind: "lost";
  readonly at: number;
  /** What the delivery came to, where it came to something; but for what was settled all the same. */
  readonly outcomes: readonly Outcome[];
}

/** Something around the mail fails. The worker goes on trying; mail waits. */
export interface TroubleEvent {
  readonly kind: "trouble";
  readonly at: number;
  readonly during: "claim" | "settle" | "renew" | "park" | "deliver";
  readonly key?: string;
  readonly error: unknown;
}

export type QueueEvent =
  | AcceptedEvent
  | SupersededEvent
  | AttemptEvent
  | DeferredEvent
  | SettledEvent
  | ExpiredEvent
  | BouncedEvent
  | ParkedEvent
  | UnparkedEvent
  | DeadEvent
  | LostEvent
  | TroubleEvent;

/** In a stream: so many events were dropped here, for they were not taken fast enough. */
export interface DroppedEvent {
  readonly kind: "dropped";
  readonly count: number;
}
