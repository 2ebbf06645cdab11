import type { Accepted, ForAll, Outcome, Reply } from "@postroad/core";
import { Refusal, verdictOf } from "@postroad/core";
import type { Channel, Expected } from "./channel.ts";
import { checkBody, mailCommand, rcptCommand } from "./commands.ts";
import type { Phase } from "./failure.ts";
import { doubtful, lost, refused, successOf } from "./failure.ts";
import type { Job } from "./job.ts";
import type { Timeouts } from "./options.ts";
import type { Session } from "./session.ts";

/** One mail transaction (RFC 5321 §3.3): envelope, data, and what became of every recipient. */
export interface Transaction {
  readonly job: Job;
  /** MAIL, RCPT… and DATA; empty where nothing of the mail may be sent. */
  readonly commands: readonly string[];
  /** What to expect for command `index`; `then` is called after each reply has been taken in. */
  expected(index: number, then: () => void): Expected;
  /** Recipients the server has taken so far. */
  readonly accepted: number;
  /** The server has answered MAIL. */
  readonly answered: boolean;
  /** The server takes data: it answered DATA with 354. */
  readonly goAhead: boolean;
  /** MAIL was accepted and no data were taken: only RSET ends the transaction (RFC 5321 §4.1.1.5). */
  readonly open: boolean;
  /** The final dot is on its way: from here on the server may have taken the mail. */
  readonly committed: boolean;
  commit(): void;
  /** The reply to the data settles every recipient that is left. */
  finish(reply: Reply): void;
  /** The same fate for every recipient that is left. */
  stop(reason: Refusal): void;
  /** The connection ended. After the final dot nobody knows whether the server took the mail. */
  interrupt(reason: Refusal): void;
}

export function transaction(job: Job, session: Session, by: string, timeouts: Required<Timeouts>): Transaction {
  const { channel } = session;
  const verdicts: (ForAll<Outcome> | undefined)[] = job.mail.envelope.to.map(() => undefined);
  const { commands, recipients } = commandsFor(job, session, (index, reason) => (verdicts[index] = verdictOf(reason, by)));
  let accepted = 0;
  let answered = false;
  let goAhead = false;
  let open = false;

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
    if (!open) stop(negative(reply, channel, "mail"));
  }

  function onRcpt(reply: Reply, index: number): void {
    if (reply.code < 300) accepted += 1;
    else verdicts[index] = verdictOf(negative(reply, channel, "rcpt"), by);
  }

  function onData(reply: Reply): void {
    goAhead = reply.code >= 300 && reply.code < 400;
    if (goAhead) open = false;
    else if (accepted > 0) stop(negative(reply, channel, "data"));
  }

  let committed = false;
  return {
    job,
    commands,
    commit() {
      committed = true;
    },
    get committed() {
      return committed;
    },
    get accepted() {
      return accepted;
    },
    get answered() {
      return answered;
    },
    get goAhead() {
      return goAhead;
    },
    get open() {
      return open;
    },
    expected(index, then) {
      if (index === 0) return expect("mail", timeouts.command, onMail, then);
      const recipient = recipients[index - 1];
      if (recipient === undefined) return expect("data", timeouts.data, onData, then);
      return expect("rcpt", timeouts.rcpt, (reply) => onRcpt(reply, recipient), then);
    },
    finish(reply) {
      if (reply.code >= 300) return stop(negative(reply, channel, "final"));
      settleRest(taken(reply, by, channel.remote));
    },
    stop,
    interrupt(reason) {
      stop(committed ? doubtful(reason) : reason);
    },
  };
}

/** The lines for those recipients that can be sent at all; the others are refused one by one. */
function commandsFor(
  job: Job,
  session: Session,
  refuse: (index: number, reason: Refusal) => void,
): { commands: readonly string[]; recipients: readonly number[] } {
  const recipients: number[] = [];
  const lines: string[] = [];
  const { envelope } = job.mail;
  try {
    checkBody(job.body, session.capabilities);
    lines.push(mailCommand(envelope, job.body, session));
  } catch (error) {
    return nothing(job, error);
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
  return recipients.length === 0 ? { commands: [], recipients } : { commands: [...lines, "DATA\r\n"], recipients };
}

function nothing(job: Job, error: unknown): { commands: readonly string[]; recipients: readonly number[] } {
  if (!(error instanceof Refusal)) throw error;
  job.refuse(error);
  return { commands: [], recipients: [] };
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

function taken(reply: Reply, by: string, remote: string): ForAll<Accepted> {
  return { kind: "accepted", status: successOf(reply.text), by, remote, reply };
}

function negative(reply: Reply, channel: Channel, phase: Phase): Refusal {
  if (reply.code < 400) return lost("4.5.0", `the server answered ${phase} with ${reply.code}`, channel.scene(phase));
  return refused(reply, channel.scene(phase), phase === "mail" && reply.code === 530);
}
