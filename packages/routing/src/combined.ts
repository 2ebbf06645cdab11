import type { Outcome } from "@postroad/core";

/**
 * One outcome for an address that stands for several: the worst of theirs, a deferral before a rejection before an
 * acceptance. Where one of them has the mail and another is deferred, it is in doubt: a second attempt would reach
 * the first again.
 */
export function combined(outcomes: readonly Outcome[]): Outcome {
  const deferred = outcomes.filter((outcome) => outcome.kind === "deferred");
  const worst = deferred.find(({ uncertain }) => uncertain === true) ?? deferred[0];
  if (worst !== undefined) {
    return outcomes.some(({ kind }) => kind === "accepted") ? { ...worst, uncertain: true } : worst;
  }
  const [first] = outcomes;
  const found = outcomes.find(({ kind }) => kind === "rejected") ?? first;
  return found ?? silence;
}

const silence: Outcome = {
  kind: "deferred",
  status: "4.3.0",
  by: "rewrite",
  recipient: "",
  message: "no transport reported on this recipient",
  uncertain: true,
};
