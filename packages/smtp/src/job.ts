import type { ForAll, Mail, Outcome, Receipt, Refusal } from "@postroad/core";
import { receipt, verdictOf } from "@postroad/core";
import type { Body } from "./body.ts";
import type { Paths } from "./envelope.ts";
import type { Scene } from "./failure.ts";

/** What to say of a mail that is stopped, given where it was at that moment. */
export type Why = (scene: Scene) => Refusal;

/** One mail on its way through the pool: settled exactly once, with an outcome for every recipient. */
export interface Job {
  readonly mail: Mail;
  readonly paths: Paths;
  readonly body: Body;
  readonly settled: boolean;
  /** By index of the recipient: nobody has decided on it yet, so it still has to be sent. */
  undecided(index: number): boolean;
  /** Final for this recipient, while others still have to be sent. */
  decide(index: number, verdict: ForAll<Outcome>): void;
  /** How often it was moved off a connection that had gone stale. */
  moves: number;
  /** Set when the sender lost interest after a final dot: what is not sent by then stays unsent. */
  halted: Why | undefined;
  /**
   * What stops it, once a connection has taken it; before that the pool just forgets it. After the final dot only
   * with `giveUp`, which ends the wait for the reply.
   */
  stop: ((why: Why, giveUp: boolean) => void) | undefined;
  /** Settles: every recipient not decided yet gets its verdict. */
  settle(verdict: (index: number) => ForAll<Outcome>): void;
  /** The same Refusal for everybody not decided yet. */
  refuse(reason: Refusal): void;
}

export function makeJob(mail: Mail, paths: Paths, body: Body, by: string, onSettled: (receipt: Receipt) => void): Job {
  const decided: (ForAll<Outcome> | undefined)[] = [];
  for (const path of paths.to) decided.push(typeof path === "string" ? undefined : verdictOf(path, by));
  let settled = false;
  const job: Job = {
    mail,
    paths,
    body,
    moves: 0,
    halted: undefined,
    stop: undefined,
    get settled() {
      return settled;
    },
    undecided: (index) => decided[index] === undefined,
    decide(index, verdict) {
      decided[index] ??= verdict;
    },
    settle(verdict) {
      if (settled) return;
      settled = true;
      onSettled(receipt(mail, (_, index) => decided[index] ?? verdict(index)));
    },
    refuse(reason) {
      if (settled) return;
      const verdict = verdictOf(reason, by);
      job.settle(() => verdict);
    },
  };
  return job;
}
