import type { ForAll, Mail, Outcome, Receipt, Refusal } from "@postroad/core";
import { receipt, verdictOf } from "@postroad/core";
import type { Body } from "./body.ts";
import type { Paths } from "./envelope.ts";
import type { Scene } from "./failure.ts";

/** What to say of a mail that is stopped, given where it was at that moment. */
export type Why = (scene: Scene) => Refusal;

/** What a connection asks of its pool. */
export interface Owner {
  /** The next job that waits, if there is one for a connection that has been used, or has not. */
  next(used: boolean): Job | undefined;
  /** Somebody is left to send this job to, and any connection may do it as if it had just come. */
  again(job: Job): void;
  onIdle(): void;
  /** May messages be sent with BDAT? Turned off for good by a server that offers CHUNKING and does not know BDAT. */
  chunking: boolean;
}

/**
 * One mail on its way through the pool: settled exactly once, with an outcome for every recipient. A class for the
 * reason that Transaction is one.
 */
export class Job {
  readonly mail: Mail;
  readonly paths: Paths;
  readonly body: Body;
  settled = false;
  /** How often it was moved off a connection that had gone stale. */
  moves = 0;
  /** Only a connection without a message before it tells reliably what the server says of it. */
  fresh = false;
  /** Set when the sender lost interest after a final dot: what is not sent by then stays unsent. */
  halted: Why | undefined;
  /**
   * What stops it, once a connection has taken it; before that the pool just forgets it. After the final dot only
   * with `giveUp`, which ends the wait for the reply.
   */
  stop: ((why: Why, giveUp: boolean) => void) | undefined;

  readonly #by: string;
  readonly #onSettled: (receipt: Receipt) => void;
  /** By index of the recipient; undefined while nobody is decided on. */
  #decided: (ForAll<Outcome> | undefined)[] | undefined;

  /** `paths` that are Refusals are decided on at once. */
  constructor(mail: Mail, paths: Paths, body: Body, by: string, onSettled: (receipt: Receipt) => void) {
    this.mail = mail;
    this.paths = paths;
    this.body = body;
    this.#by = by;
    this.#onSettled = onSettled;
    for (const [index, path] of paths.to.entries()) if (typeof path !== "string") this.decide(index, verdictOf(path, by));
  }

  /** By index of the recipient: nobody has decided on it yet, so it still has to be sent. */
  undecided(index: number): boolean {
    return this.#decided?.[index] === undefined;
  }

  /** Final for this recipient, while others still have to be sent. */
  decide(index: number, verdict: ForAll<Outcome>): void {
    this.#decided ??= [];
    this.#decided[index] ??= verdict;
  }

  /** Settles: every recipient not decided yet gets its verdict. */
  settle(verdict: (index: number) => ForAll<Outcome>): void {
    if (this.settled) return;
    this.settled = true;
    this.#onSettled(receipt(this.mail, (_, index) => this.#decided?.[index] ?? verdict(index)));
  }

  /** The same Refusal for everybody not decided yet. */
  refuse(reason: Refusal): void {
    if (this.settled) return;
    const verdict = verdictOf(reason, this.#by);
    this.settle(() => verdict);
  }
}
