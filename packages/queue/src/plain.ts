import type { Diagnosis, Outcome, Reply } from "@postroad/core";

/** Lines of a transcript that are kept, and characters of any text: a row is written at every attempt. */
const LINES = 100;
const CHARACTERS = 8192;

/**
 * The outcome with nothing but what an outcome has, of the type that it has: transports come from anywhere, and what a
 * database or another process cannot take would keep the result from being written down. `cause` stays.
 */
export function plain(outcome: Outcome): Outcome {
  const { recipient, remote, reply } = outcome;
  const said = {
    recipient,
    by: text(outcome.by),
    ...(remote !== undefined && { remote: text(remote) }),
    ...(isObject(reply) && { reply: replyOf(reply) }),
  };
  if (outcome.kind === "accepted") {
    const { ref, relayed } = outcome;
    const status = isText(outcome.status) ? outcome.status : "2.0.0";
    return { kind: "accepted", status, ...said, ...(ref !== undefined && { ref: text(ref) }), ...(relayed === true && { relayed }) };
  }
  const more = {
    ...said,
    message: text(outcome.message),
    ...(isObject(outcome.diagnosis) && { diagnosis: diagnosisOf(outcome.diagnosis) }),
  };
  if (outcome.kind === "rejected") return { kind: "rejected", status: isText(outcome.status) ? outcome.status : "5.0.0", ...more };
  const { retryAfter } = outcome;
  // A kind that there is not says nothing, also not that nobody has the mail.
  const kind: string = outcome.kind;
  const uncertain = outcome.uncertain === true || kind !== "deferred";
  return {
    kind: "deferred",
    status: isText(outcome.status) ? outcome.status : "4.0.0",
    ...more,
    ...(Number.isFinite(retryAfter) && { retryAfter: Number(retryAfter) }),
    ...(uncertain && { uncertain }),
  };
}

/** What was thrown means nothing to another process. */
export function storable<O extends Outcome>(outcome: O): O {
  if (outcome.kind === "accepted" || outcome.diagnosis?.cause === undefined) return outcome;
  const { cause: _, ...diagnosis } = outcome.diagnosis;
  return { ...outcome, diagnosis };
}

function diagnosisOf({ phase, code, advice, transcript, cause }: Diagnosis): Diagnosis {
  return {
    ...(phase !== undefined && { phase: text(phase) }),
    ...(code !== undefined && { code: text(code) }),
    ...(advice !== undefined && { advice: text(advice) }),
    ...(Array.isArray(transcript) && { transcript: transcript.slice(-LINES).map(text) }),
    ...(cause !== undefined && { cause }),
  };
}

function replyOf(reply: Reply): Reply {
  return { code: Number.isInteger(reply.code) ? reply.code : 0, text: text(reply.text) };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isObject<T>(value: T): value is T & object {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string {
  if (isText(value)) return value.slice(0, CHARACTERS).toWellFormed();
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : "";
}
