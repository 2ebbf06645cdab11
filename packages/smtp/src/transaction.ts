import type { Accepted, ForAll, Outcome, Reply } from "@postroad/core";
import { Refusal, verdictOf } from "@postroad/core";
import type { Expected } from "./channel.ts";
import { checkBody, mailCommand, rcptCommand } from "./commands.ts";
import type { Phase } from "./failure.ts";
import { doubtful, isTooMany, lost, refused, successOf } from "./failure.ts";
import type { Job } from "./job.ts";
import type { Timeouts } from "./options.ts";
import type { Session } from "./session.ts";
import type { ServerLimits } from "./limits.ts";

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
  /** Some recipients are decided on, and the others need another transaction: all at once were too many. */
  readonly unfinished: boolean;
  /** Nobody who is left may be sent to over this connection (RFC 9422 §4.3): over another one they may. */
  readonly crowdedOut: boolean;
  commit(): void;
  /** The reply to the message settles every recipient that is left. */
  finish(reply: Reply): void;
  /** LMTP: the reply to the message for the recipient accepted as number `position` (RFC 2033 §4.2). */
  finishOne(reply: Reply, position: number): void;
  /** The same fate for every recipient that is left. */
  stop(reason: Refusal): void;
  /** The server took none of those it was asked for; the others have their turn. */
  giveUp(reason: Refusal): void;
  /** The connection ended. After `commit` nobody knows whether the server took the mail. */
  interrupt(reason: Refusal): void;
}

export function transaction(
  job: Job,
  session: Session,
  limits: ServerLimits,
  by: string,
  timeouts: Required<Timeouts>,
): Transaction {
  const { channel } = session;
  const { lines, recipients, later } = envelopeOf(job, session, limits, by);
  /** By index of the recipient: what its own reply said. */
  const verdicts = new Map<number, ForAll<Outcome>>();
  const taken: number[] = [];
  /** For these the server had too many recipients (RFC 5321 §4.5.3.1.10). */
  const surplus = new Set<number>();
  let answered = false;
  let outOfStep = false;
  let open = false;
  let committed = false;
  let unfinished = false;
  /** LMTP: every recipient that was taken has a verdict of its own. */
  let oneByOne = false;

  function settleAll(verdict: ForAll<Outcome>): void {
    job.settle((index) => verdicts.get(index) ?? verdict);
  }

  /** Decides on those of this transaction, and leaves the others for the next: of the surplus only if some were taken. */
  function settleThese(verdict: ForAll<Outcome>): void {
    const left = taken.length > 0 ? surplus : new Set();
    if (!later && left.size === 0) return settleAll(verdict);
    unfinished = !job.settled;
    for (const index of recipients) if (!left.has(index)) job.decide(index, verdicts.get(index) ?? verdict);
    const [first] = left;
    // Those at the end and nobody else were too many: so many may be sent to at once.
    if (first !== undefined && recipients[recipients.length - left.size] === first) limits.learn(taken.length);
  }

  function stop(reason: Refusal): void {
    if (!job.settled) settleAll(verdictOf(reason, by));
  }

  /** After a reply that makes no sense, none can be trusted to belong to the command it was matched to. */
  function confused({ code }: Reply, phase: Phase): void {
    verdicts.clear();
    channel.end(lost("4.5.0", `the server answered ${code}, which makes no sense here`, channel.scene(phase)));
  }

  function onMail(reply: Reply): void {
    // The channel ends over a 421; nothing of this mail was looked at.
    if (reply.code === 421) return;
    answered = true;
    if (isIntermediate(reply)) return confused(reply, "mail");
    open = reply.code < 300;
    outOfStep = reply.code === 503 && job.moves === 0;
    if (!open && !outOfStep) stop(refused(reply, channel.scene("mail")));
  }

  function onRcpt(reply: Reply, index: number): void {
    if (isIntermediate(reply)) return confused(reply, "rcpt");
    if (reply.code < 300) {
      taken.push(index);
    } else if (!outOfStep) {
      if (isTooMany(reply)) surplus.add(index);
      verdicts.set(index, verdictOf(refused(reply, channel.scene("rcpt")), by));
    }
  }

  function verdictOn(reply: Reply): ForAll<Outcome> {
    return reply.code < 300 ? accepted(reply, by, channel.remote) : verdictOf(refused(reply, channel.scene("final")), by);
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
    get unfinished() {
      return unfinished;
    },
    crowdedOut: later && recipients.length === 0,
    commit() {
      committed = true;
    },
    expected(index, then) {
      const recipient = recipients[index - 1];
      if (recipient === undefined) return expect("mail", timeouts.command, onMail, then);
      return expect("rcpt", timeouts.rcpt, (reply) => onRcpt(reply, recipient), then);
    },
    goAhead(reply) {
      if (reply.code < 300) {
        confused(reply, "data");
        return false;
      }
      const go = isIntermediate(reply);
      if (go) open = false;
      else if (taken.length > 0) stop(refused(reply, channel.scene("data")));
      return go;
    },
    finish(reply) {
      if (isIntermediate(reply)) return confused(reply, "final");
      open &&= reply.code >= 300;
      // Out of step, and yet taken: to send it again would make a second copy.
      outOfStep &&= reply.code >= 300;
      if (outOfStep) return;
      const verdict = verdictOn(reply);
      if (oneByOne || verdict.kind === "accepted") settleThese(verdict);
      else settleAll(verdict);
    },
    finishOne(reply, position) {
      const index = taken[position];
      oneByOne = true;
      if (isIntermediate(reply)) confused(reply, "final");
      else if (index !== undefined) verdicts.set(index, verdictOn(reply));
    },
    stop,
    giveUp(reason) {
      if (!job.settled) settleThese(verdictOf(reason, by));
    },
    interrupt(reason) {
      if (job.settled) return;
      const [certain, doubt] = [verdictOf(reason, by), verdictOf(doubtful(reason), by)];
      const sent = new Set(committed ? recipients : []);
      job.settle((index) => verdicts.get(index) ?? (sent.has(index) ? doubt : certain));
    },
  };
}

interface EnvelopeLines {
  readonly lines: readonly string[];
  /** For each RCPT line, which recipient of the mail it names. */
  readonly recipients: readonly number[];
  /** The server announces to take fewer recipients at once than there are (RFC 9422 §4.2). */
  readonly later: boolean;
}

/** The lines for those recipients that can be sent at all; the others are refused one by one. */
function envelopeOf(job: Job, session: Session, limits: ServerLimits, by: string): EnvelopeLines {
  const { mail, paths, body } = job;
  const recipients: number[] = [];
  const lines: string[] = [];
  try {
    checkBody(body, session.capabilities);
    lines.push(mailCommand(mail.envelope, paths.from, body, session));
  } catch (error) {
    job.refuse(asRefusal(error));
    return { lines: [], recipients, later: false };
  }
  const fits = limits.transaction();
  let later = false;
  for (const [index, to] of mail.envelope.to.entries()) {
    const path = paths.to[index];
    if (typeof path !== "string" || !job.undecided(index)) continue;
    if (!fits(path)) {
      later = true;
      continue;
    }
    try {
      lines.push(rcptCommand(to, path, session.capabilities));
      recipients.push(index);
    } catch (error) {
      job.decide(index, verdictOf(asRefusal(error), by));
    }
  }
  return { lines: recipients.length === 0 ? [] : lines, recipients, later };
}

/** Thrown here, a bug would end the process: nobody stands between this and the socket. */
function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal("4.3.0", `bug in the SMTP client: ${String(error)}`, { phase: "mail", cause: error });
}

function isIntermediate({ code }: Reply): boolean {
  return code >= 300 && code < 400;
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
