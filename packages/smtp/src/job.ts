import type { ForAll, Mail, Outcome, Receipt, Refusal } from "@postroad/core";
import { receipt, verdictOf } from "@postroad/core";
import type { Body } from "./body.ts";

/** One mail on its way through the pool: settled exactly once, with an outcome for every recipient. */
export interface Job {
  readonly mail: Mail;
  readonly body: Body;
  readonly settled: boolean;
  /** It has been moved to a fresh connection once already. */
  retried: boolean;
  /** What stops it, once a connection has taken it; before that the pool just forgets it. */
  cancel: ((reason: Refusal) => void) | undefined;
  settle(verdict: (index: number) => ForAll<Outcome>): void;
  /** The same Refusal for everybody. */
  refuse(reason: Refusal): void;
}

export function makeJob(mail: Mail, body: Body, by: string, onSettled: (receipt: Receipt) => void): Job {
  let settled = false;
  const job: Job = {
    mail,
    body,
    retried: false,
    cancel: undefined,
    get settled() {
      return settled;
    },
    settle(verdict) {
      if (settled) return;
      settled = true;
      onSettled(receipt(mail, (_, index) => verdict(index)));
    },
    refuse(reason) {
      const verdict = verdictOf(reason, by);
      job.settle(() => verdict);
    },
  };
  return job;
}
