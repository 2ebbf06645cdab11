import type { Accepted, ForAll, Outcome, Refusal, Reply } from "@postroad/core";
import { verdictOf } from "@postroad/core";
import type { Expected } from "./channel.ts";
import type { EnvelopeLines, Way } from "./envelope-lines.ts";
import { envelopeOf } from "./envelope-lines.ts";
import type { Phase } from "./failure.ts";
import { doubtful, isTooMany, lost, refused, successOf } from "./failure.ts";
import type { Job } from "./job.ts";

/**
 * One mail transaction (RFC 5321 §3.3): what to say, and what became of every recipient. A class, unlike its
 * neighbours: one is made for every mail, and closures with accessors cost more to make than the wire takes.
 */
export class Transaction {
  readonly job: Job;
  /** MAIL and every RCPT; empty where nothing of the mail may be sent. */
  readonly envelope: readonly string[];
  /** Nobody who is left may be sent to over this connection (RFC 9422 §4.3): over another one they may. */
  readonly crowdedOut: boolean;
  /** The server has answered MAIL. */
  answered = false;
  /** MAIL was refused as out of sequence: a transaction before it was still open. Nothing was looked at. */
  outOfStep = false;
  /**
   * A message went before it whose replies may have been one too many, as happens with LMTP: then what looks like a reply to
   * this mail is one to the command before. Only 354, which nothing but DATA gets, shows that all are matched rightly.
   */
  unproven: boolean;
  /** MAIL was accepted and the message was not: only RSET ends the transaction (RFC 5321 §4.1.1.5). */
  open = false;
  /** What completes the message is on its way: from here on the server may have taken the mail. */
  committed = false;
  /** Some recipients are decided on, and the others need another transaction: all at once were too many. */
  unfinished = false;

  readonly #way: Way;
  readonly #lines: EnvelopeLines;
  /** Indexes of the recipients the server has taken. */
  readonly #taken: number[] = [];
  /** By index of the recipient: what its own reply said. Most mails need none. */
  #verdicts: Map<number, ForAll<Outcome>> | undefined;
  /** For these the server had too many recipients (RFC 5321 §4.5.3.1.10). */
  #surplus: Set<number> | undefined;
  /** LMTP: every recipient that was taken has a verdict of its own. */
  #oneByOne = false;

  constructor(job: Job, way: Way, unproven: boolean) {
    this.job = job;
    this.unproven = unproven;
    this.#way = way;
    this.#lines = envelopeOf(job, way);
    this.envelope = this.#lines.lines;
    this.crowdedOut = this.#lines.later && this.#lines.recipients.length === 0;
  }

  /** Recipients the server has taken so far. */
  get accepted(): number {
    return this.#taken.length;
  }

  /** What to expect for line `index` of the envelope; `then` is called after its reply has been taken in. */
  expected(index: number, then: (reply: Reply) => void): Expected {
    const { timeouts } = this.#way;
    const recipient = this.#lines.recipients[index - 1];
    const onReply = (reply: Reply): void => {
      if (recipient === undefined) this.#onMail(reply);
      else this.#onRcpt(reply, recipient);
      then(reply);
    };
    if (recipient === undefined) return { phase: "mail", timeout: timeouts.command, onReply };
    return { phase: "rcpt", timeout: timeouts.rcpt, onReply };
  }

  /** Takes in the reply to DATA. True for 354: the server waits for the message. */
  goAhead(reply: Reply): boolean {
    if (reply.code < 300) {
      this.#confused(reply, "data");
      return false;
    }
    const go = isIntermediate(reply);
    if (!go && this.unproven) this.distrust(reply, "data");
    else if (go) this.open = this.unproven = false;
    else if (this.accepted > 0) this.stop(this.#refused(reply, "data"));
    return go;
  }

  /** A refusal that may be of another mail's recipient: it says nothing, and the mail is sent over a fresh connection. */
  distrust({ code }: Reply, phase: Phase): void {
    const { channel } = this.#way.session;
    this.job.fresh = true;
    const what = `the server answered ${code} behind the replies to another message, of which it may be one`;
    channel.end(lost("4.5.0", what, channel.scene(phase)));
  }

  commit(): void {
    this.committed = true;
  }

  /** The reply to the message settles every recipient that is left. */
  finish(reply: Reply): void {
    if (isIntermediate(reply)) return this.#confused(reply, "final");
    this.open &&= reply.code >= 300;
    // Out of step, and yet taken: to send it again would make a second copy.
    this.outOfStep &&= reply.code >= 300;
    if (this.outOfStep) return;
    const verdict = this.#verdictOn(reply);
    if (this.#oneByOne || verdict.kind === "accepted") this.#settleThese(verdict);
    else this.#settleAll(verdict);
  }

  /** LMTP: the reply to the message for the recipient accepted as number `position` (RFC 2033 §4.2). */
  finishOne(reply: Reply, position: number): void {
    const index = this.#taken[position];
    this.#oneByOne = true;
    if (isIntermediate(reply)) this.#confused(reply, "final");
    else if (index !== undefined) this.#note(index, this.#verdictOn(reply));
  }

  /** The same fate for every recipient that is left. */
  stop(reason: Refusal): void {
    if (!this.job.settled) this.#settleAll(verdictOf(reason, this.#way.by));
  }

  /** The server took none of those it was asked for; the others have their turn. */
  giveUp(reason: Refusal): void {
    if (!this.job.settled) this.#settleThese(verdictOf(reason, this.#way.by));
  }

  /** The connection ended. After `commit` nobody knows whether the server took the mail. */
  interrupt(reason: Refusal): void {
    if (this.job.settled) return;
    const { by } = this.#way;
    const [certain, doubt] = [verdictOf(reason, by), verdictOf(doubtful(reason), by)];
    const sent = new Set(this.committed ? this.#lines.recipients : []);
    this.job.settle((index) => this.#verdicts?.get(index) ?? (sent.has(index) ? doubt : certain));
  }

  #onMail(reply: Reply): void {
    // The channel ends over a 421; nothing of this mail was looked at.
    if (reply.code === 421) return;
    this.answered = true;
    if (isIntermediate(reply)) return this.#confused(reply, "mail");
    this.open = reply.code < 300;
    if (!this.open && this.unproven) return this.distrust(reply, "mail");
    this.outOfStep = reply.code === 503 && this.job.moves === 0;
    if (!this.open && !this.outOfStep) this.stop(this.#refused(reply, "mail"));
  }

  #onRcpt(reply: Reply, index: number): void {
    if (isIntermediate(reply)) return this.#confused(reply, "rcpt");
    if (reply.code < 300) {
      this.#taken.push(index);
    } else if (!this.outOfStep) {
      if (isTooMany(reply)) (this.#surplus ??= new Set()).add(index);
      this.#note(index, verdictOf(this.#refused(reply, "rcpt"), this.#way.by));
    }
  }

  /** After a reply that makes no sense, none can be trusted to belong to the command it was matched to. */
  #confused({ code }: Reply, phase: Phase): void {
    this.#verdicts = undefined;
    const { channel } = this.#way.session;
    channel.end(lost("4.5.0", `the server answered ${code}, which makes no sense here`, channel.scene(phase)));
  }

  #note(index: number, verdict: ForAll<Outcome>): void {
    (this.#verdicts ??= new Map()).set(index, verdict);
  }

  #verdictOn(reply: Reply): ForAll<Outcome> {
    const { by, session } = this.#way;
    return reply.code < 300 ? accepted(reply, by, session.channel.remote) : verdictOf(this.#refused(reply, "final"), by);
  }

  #refused(reply: Reply, phase: Phase): Refusal {
    return refused(reply, this.#way.session.channel.scene(phase));
  }

  #settleAll(verdict: ForAll<Outcome>): void {
    this.job.settle((index) => this.#verdictFor(index, verdict));
  }

  /** The recipient's own verdict, else this one; a report that was asked for in vain is mentioned. */
  #verdictFor(index: number, verdict: ForAll<Outcome>): ForAll<Outcome> {
    const own = this.#verdicts?.get(index) ?? verdict;
    const notify = this.job.mail.envelope.to[index]?.notify;
    const inVain = notify !== undefined && notify !== "never" && !this.#way.session.capabilities.has("DSN");
    return inVain && own.kind === "accepted" ? { ...own, relayed: true } : own;
  }

  /** Decides on those of this transaction, and leaves the others for the next: of the surplus only if some were taken. */
  #settleThese(verdict: ForAll<Outcome>): void {
    const { recipients, later } = this.#lines;
    const left = this.accepted > 0 ? this.#surplus : undefined;
    if (!later && left === undefined) return this.#settleAll(verdict);
    this.unfinished = !this.job.settled;
    for (const index of recipients) {
      if (left?.has(index) !== true) this.job.decide(index, this.#verdictFor(index, verdict));
    }
    if (left === undefined) return;
    const [first] = left;
    // Those at the end and nobody else were too many: so many may be sent to at once.
    if (recipients[recipients.length - left.size] === first) this.#way.limits.learn(this.accepted);
  }
}

function isIntermediate({ code }: Reply): boolean {
  return code >= 300 && code < 400;
}

function accepted(reply: Reply, by: string, remote: string): ForAll<Accepted> {
  return { kind: "accepted", status: successOf(reply.text), by, remote, reply };
}
