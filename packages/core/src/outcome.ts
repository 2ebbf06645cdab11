import type { Mail, Recipient } from "./mail.ts";
import { mailboxKey } from "./mail.ts";

/** Enhanced status code of RFC 3463: class, subject, detail. */
export type Status<C extends 2 | 4 | 5 = 2 | 4 | 5> = `${C}.${number}.${number}`;

/** What the other side said, verbatim: its lines joined by "\n", without the code. */
export interface Reply {
  readonly code: number;
  readonly text: string;
}

/** For people: what helps to understand a failure. Code never decides on it. */
export interface Diagnosis {
  /** Where it happened, e.g. `connect`, `greeting`, `starttls`, `auth`, `rcpt`, `data`. */
  readonly phase?: string;
  /** The platform's name for the cause, e.g. `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
  readonly code?: string;
  /** The likely fix, in one sentence. */
  readonly advice?: string;
  /** The last lines of the conversation, secrets removed, `C: ` and `S: ` in front. */
  readonly transcript?: readonly string[];
  /** What was thrown, where anything was. Not meant to survive a queue. */
  readonly cause?: unknown;
}

interface Verdict {
  /** The address as the envelope names it. */
  readonly recipient: string;
  /** Name of the transport that says so. */
  readonly by: string;
  /** The host that said so, e.g. `mx1.example.net:25`. */
  readonly remote?: string;
  readonly reply?: Reply;
}

/** Responsibility for this recipient was taken over (RFC 5321 §6.1). It is not a claim of delivery. */
export interface Accepted extends Verdict {
  readonly kind: "accepted";
  readonly status: Status<2>;
  /** The taker's name for it, e.g. a queue id. */
  readonly ref?: string;
  /** Reports were asked for (NOTIFY), and the taker knows nothing of them: what it does will not be reported (RFC 3461 §5.2.2). */
  readonly relayed?: boolean;
}

/** Nobody has taken responsibility yet; trying again makes sense. */
export interface Deferred extends Verdict {
  readonly kind: "deferred";
  readonly status: Status<4>;
  readonly message: string;
  /** Milliseconds to wait before the next attempt, where the other side said so. */
  readonly retryAfter?: number;
  /** The other side may have accepted it all the same: try there again if you must, never elsewhere. */
  readonly uncertain?: boolean;
  readonly diagnosis?: Diagnosis;
}

/** Refused for good: trying the same again is pointless. */
export interface Rejected extends Verdict {
  readonly kind: "rejected";
  readonly status: Status<5>;
  readonly message: string;
  readonly diagnosis?: Diagnosis;
}

export type Outcome = Accepted | Deferred | Rejected;

/** One outcome per recipient, in the order of the envelope. */
export interface Receipt {
  /** `id` of the mail. */
  readonly mail: string;
  readonly outcomes: readonly Outcome[];
}

/** An outcome without its recipient: what one verdict says of anybody. */
export type ForAll<O> = O extends Outcome ? Omit<O, "recipient"> : never;

/** A receipt from one verdict for everybody, or from a function that gives each recipient theirs. */
export function receipt(
  mail: Mail,
  verdict: ForAll<Outcome> | ((recipient: Recipient, index: number) => ForAll<Outcome>),
): Receipt {
  const of = typeof verdict === "function" ? verdict : () => verdict;
  return {
    mail: mail.id,
    outcomes: mail.envelope.to.map((to, index): Outcome => ({ ...of(to, index), recipient: to.address })),
  };
}

/**
 * One receipt for `mail` from several about it or parts of it. A later outcome replaces an earlier one, except that
 * doubt stays: a recipient once `uncertain` remains so until somebody accepts or rejects. A recipient nobody reported
 * on is deferred and uncertain; an address outside the envelope is left out.
 */
export function merge(mail: Mail, ...receipts: readonly Receipt[]): Receipt {
  const latest = new Map<string, Outcome>();
  for (const { outcomes } of receipts) {
    for (const outcome of outcomes) {
      const key = mailboxKey(outcome.recipient);
      latest.set(key, keepDoubt(latest.get(key), outcome));
    }
  }
  return receipt(mail, (to) => latest.get(mailboxKey(to.address)) ?? silence);
}

/** The recipients of `mail` whose outcome in `report` passes `test`, in the order of the envelope. */
export function pick(mail: Mail, report: Receipt, test: (outcome: Outcome) => boolean): readonly Recipient[] {
  const wanted = new Set<string>();
  for (const outcome of report.outcomes) if (test(outcome)) wanted.add(mailboxKey(outcome.recipient));
  return mail.envelope.to.filter((to) => wanted.has(mailboxKey(to.address)));
}

/** Does `receipt` hold exactly one outcome per recipient of `mail`, in order? */
export function covers(mail: Mail, { mail: id, outcomes }: Receipt): boolean {
  const { to } = mail.envelope;
  return id === mail.id && outcomes.length === to.length && to.every((r, i) => r.address === outcomes[i]?.recipient);
}

const silence: ForAll<Deferred> = {
  kind: "deferred",
  status: "4.3.0",
  by: "core",
  message: "no transport reported on this recipient",
  uncertain: true,
};

function keepDoubt(earlier: Outcome | undefined, later: Outcome): Outcome {
  const doubt = earlier?.kind === "deferred" && earlier.uncertain === true;
  return doubt && later.kind === "deferred" ? { ...later, uncertain: true } : later;
}
