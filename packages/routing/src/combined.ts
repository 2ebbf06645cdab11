import type { Outcome } from "@postroad/core";

/**
 * One outcome for an address that stands for several: the worst of theirs, a deferral in doubt before any other, a
 * deferral before a rejection before an acceptance.
 */
export function combined(outcomes: readonly Outcome[]): Outcome {
  const deferred = outcomes.filter((outcome) => outcome.kind === "deferred");
  return (
    deferred.find(({ uncertain }) => uncertain === true) ??
    deferred[0] ??
    outcomes.find(({ kind }) => kind === "rejected") ??
    outcomes[0] ??
    silence
  );
}

const silence: Outcome = {
  kind: "deferred",
  status: "4.3.0",
  by: "rewrite",
  recipient: "",
  message: "no transport reported on this recipient",
  uncertain: true,
};
