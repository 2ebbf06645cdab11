import type { Accepted, ForAll, Outcome, Reply } from "@postroad/core";
import { Refusal, verdictOf } from "@postroad/core";
import type { Channel, Expected } from "./channel.ts";
import { checkBody, mailCommand, rcptCommand } from "./commands.ts";
import type { Phase } from "./failure.ts";
import { doubtful, lost, refused, successOf } from "./failure.ts";
import type { Job } from "./job.ts";
import type { Timeouts } from "./options.ts";
import type { Session } from "./session.ts";

/** One mail transaction (RFC 5321 §3.3): what to say, and what became of every recipient. */
export interface Transaction {
  readonly job: Job;
  /** MAIL and every RCPT; empty where nothing of the mail may be sent. */
  readonly envelope: readonly string[];
  /** What to expect for line `index` of the envelope; `then` is called after its reply has been taken in. */
  expected(index: number, then: () => void): Expected;
  /** Takes in the reply to DATA. True for 354: the server waits for the message. */
  goAhead(reply: Reply): boolean;
  /** Recipients the server has taken so far. */
  readonly accepted: number;
  /** The server has answered MAIL. */
  readonly answered: boolean;
  /** MAIL was refused as out of sequence: a transaction before it was still open. Nothing was looked at. */
  readonly outOfStep: boolean;
  /** MAIL was accepted and the message was not: only RSET ends the transaction (RFC 5321 §4.1.1.5). */
  readonly open: boolean;
  /** What completes the message is on its way: from here on the server may have taken the mail. */
  readonly committed: boolean;
  commit(): void;
  /** The reply to the message settles every recipient that is left. */
  finish(reply: Reply): void;
  /** LMTP: the reply to the message for the recipient accepted as number `position` (RFC 2033 §4.2). */
  finishOne(reply: Reply, position: number): void;
  /** The same fate for every recipient that is left. */
  stop(reason: Refusal): void;
  /** The connection ended. After `commit` nobody knows whether the server took the mail. */
  interrupt(reason: Refusal): void;
}

export function transaction(job: Job, session: Session, by: string, timeouts: Required<Timeouts>): Transaction {
  const { channel } = session;
  const verdicts: (ForAll<Outcome> | undefined)[] = job.mail.envelope.to.map(() => undefined);
  const { lines, recipients } = envelopeOf(job, session, (index, reason) => (verdicts[index] = verdictOf(reason, by)));
  const taken: number[] = [];
  let answered = false;
  let outOfStep = false;
  let open = false;
  let committed = false;

  function settleRest(verdict: ForAll<Outcome>): void {
    job.settle((index) => verdicts[index] ?? verdict);
  }

  function stop(reason: Refusal): void {
    settleRest(verdictOf(reason, by));
  }

  function onMail(reply: Reply): void {
    // The channel ends over a 421; nothing of this mail was looked at.
    if (reply.code === 421) return;
    answered = true;
    open = reply.code < 300;
    outOfStep = reply.code === 503 && !job.retried;
    if (!open && !outOfStep) stop(negative(reply, channel, "mail"));
  }

  function onRcpt(reply: Reply, index: number): void {
    if (reply.code < 300) taken.push(index);
    else if (!outOfStep) verdicts[index] = verdictOf(negative(reply, channel, "rcpt"), by);
  }

  function verdictOn(reply: Reply): ForAll<Outcome> {
    if (reply.code < 300) return accepted(reply, by, channel.remote);
    return verdictOf(negative(reply, channel, "final"), by);
  }

  return {
    job,
    envelope: lines,
    get accepted() {
      return taken.length;
    },
    get answered() {
      return answered;
    },
    get outOfStep() {
      return outOfStep;
    },
    get open() {
      return open;
    },
    get committed() {
      return committed;
    },
    commit() {
      committed = true;
    },
    expected(index, then) {
      const recipient = recipients[index - 1];
      if (recipient === undefined) return expect("mail", timeouts.command, onMail, then);
      return expect("rcpt", timeouts.rcpt, (reply) => onRcpt(reply, recipient), then);
    },
    goAhead(reply) {
      const go = reply.code >= 300 && reply.code < 400;
      if (go) open = false;
      else if (taken.length > 0) stop(negative(reply, channel, "data"));
      return go;
    },
    finish(reply) {
      open &&= reply.code >= 300;
      if (!outOfStep) settleRest(verdictOn(reply));
    },
    finishOne(reply, position) {
      const index = taken[position];
      if (index !== undefined) verdicts[index] = verdictOn(reply);
    },
    stop,
    interrupt(reason) {
      stop(committed ? doubtful(reason) : reason);
    },
  };
}

interface EnvelopeLines {
  readonly lines: readonly string[];
  /** For each RCPT line, which recipient of the mail it names. */
  readonly recipients: readonly number[];
}

/** The lines for those recipients that can be sent at all; the others are refused one by one. */
function envelopeOf(job: Job, session: Session, refuse: (index: number, reason: Refusal) => void): EnvelopeLines {
  const recipients: number[] = [];
  const lines: string[] = [];
  const { envelope } = job.mail;
  try {
    checkBody(job.body, session.capabilities);
    lines.push(mailCommand(envelope, job.body, session));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    job.refuse(error);
    return { lines: [], recipients };
  }
  for (const [index, to] of envelope.to.entries()) {
    try {
      lines.push(rcptCommand(to, session.capabilities));
      recipients.push(index);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refuse(index, error);
    }
  }
  return { lines: recipients.length === 0 ? [] : lines, recipients };
}

function expect(phase: Phase, timeout: number, take: (reply: Reply) => void, then: () => void): Expected {
  return {
    phase,
    timeout,
    onReply(reply) {
      take(reply);
      then();
    },
  };
}

function accepted(reply: Reply, by: string, remote: string): ForAll<Accepted> {
  return { kind: "accepted", status: successOf(reply.text), by, remote, reply };
}

function negative(reply: Reply, channel: Channel, phase: Phase): Refusal {
  if (reply.code < 400) return lost("4.5.0", `the server answered ${phase} with ${reply.code}`, channel.scene(phase));
  return refused(reply, channel.scene(phase), phase === "mail" && reply.code === 530);
}
