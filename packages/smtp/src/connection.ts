import type { Refusal } from "@postroad/core";
import { sendData } from "./data.ts";
import { lost, refused } from "./failure.ts";
import type { Job } from "./job.ts";
import type { Resolved } from "./options.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";
import { transaction } from "./transaction.ts";

/** A session at work: one mail after the other, and where the server pipelines, the next behind the last dot. */
export interface Connection {
  /** Nothing is under way: any job may be given. */
  readonly idle: boolean;
  /** All that is under way has its final dot sent: one job may ride behind it (RFC 2920 §3.1). */
  readonly tail: boolean;
  take(job: Job): void;
  /** Looks for its first job. */
  start(): void;
  /** Asks whether the server is there; settles like a command. */
  probe(): Promise<void>;
  /** The session has ended: settles or hands back what was under way. */
  ended(reason: Refusal): void;
  /** Says QUIT and closes. Whatever the server answers changes nothing any more. */
  quit(): Promise<void>;
}

/** What a connection asks of its pool. */
export interface Owner {
  /** The next job that waits, if any. */
  next(): Job | undefined;
  /** Nothing of this job was delivered and a fresh connection may still do it. */
  again(job: Job): void;
  onIdle(connection: Connection): void;
}

const QUIT_TIMEOUT = 2_000;

export function startConnection(session: Session, options: Resolved, by: string, owner: Owner): Connection {
  const { channel, capabilities } = session;
  const pipelining = options.pipelining && capabilities.has("PIPELINING");
  const retireAt = performance.now() + options.pool.lifetime;
  /** In the order of the wire; only the last may not be committed yet. */
  const underWay: Transaction[] = [];
  let messages = 0;
  let mustReset = false;
  let retiring = false;
  let asleep: NodeJS.Timeout | undefined;

  function mayTakeMore(): boolean {
    retiring ||= messages >= options.pool.messages || performance.now() >= retireAt;
    return !retiring && channel.reason === undefined;
  }

  /** Takes a job on and gives what to write for it; the replies find their way by themselves. */
  function begin(job: Job): string {
    const current = transaction(job, session, by, options.timeouts);
    if (current.commands.length === 0) {
      current.stop(lost("4.3.0", "nothing of the mail could be sent", channel.scene("mail")));
      return "";
    }
    messages += 1;
    underWay.push(current);
    job.cancel = (reason) => cancel(current, reason);
    const reset = mustReset ? "RSET\r\n" : "";
    if (mustReset) channel.expect({ phase: "mail", timeout: options.timeouts.command, onReply: () => undefined });
    mustReset = false;
    const lines = reset + (pipelining ? expectAll(current) : expectOne(current, 0));
    channel.note(lines);
    return lines;
  }

  function expectAll(current: Transaction): string {
    current.commands.forEach((_, index) => channel.expect(current.expected(index, () => onReply(current, index))));
    return current.commands.join("");
  }

  function expectOne(current: Transaction, index: number): string {
    channel.expect(current.expected(index, () => onReply(current, index)));
    return current.commands[index] ?? "";
  }

  function onReply(current: Transaction, index: number): void {
    if (index === current.commands.length - 1) return onDataReply(current);
    if (pipelining) return;
    const hopeless = current.job.settled || (index === current.commands.length - 2 && current.accepted === 0);
    if (hopeless) return done(current);
    const line = expectOne(current, index + 1);
    channel.note(line);
    channel.write(line);
  }

  function onDataReply(current: Transaction): void {
    if (!current.goAhead) return done(current);
    if (current.job.settled || current.accepted === 0) return sendNothing(current);
    sendData(current, channel, options.timeouts, capabilities.has("8BITMIME"), following, () => done(current));
  }

  /** 354 although nobody is left to send to: an empty message is the only way out (RFC 2920 §3.1). */
  function sendNothing(current: Transaction): void {
    channel.expect({ phase: "final", timeout: options.timeouts.final, onReply: () => done(current) });
    channel.note(".\r\n");
    channel.write(".\r\n");
  }

  /** The commands that ride behind a final dot. */
  function following(): string {
    const job = pipelining && mayTakeMore() ? owner.next() : undefined;
    return job === undefined ? "" : begin(job);
  }

  function done(current: Transaction): void {
    current.stop(lost("4.5.0", "the server took no recipient", channel.scene("data")));
    current.job.cancel = undefined;
    mustReset ||= current.open;
    underWay.shift();
    const next = underWay[0];
    if (next === undefined) rest();
    else if (next.job.settled && !next.committed) endAfterCancel();
  }

  function rest(): void {
    if (channel.reason !== undefined) return;
    const job = mayTakeMore() ? owner.next() : undefined;
    if (job !== undefined) return take(job);
    if (retiring) return void quit();
    channel.hold(false);
    asleep = setTimeout(() => void quit(), options.pool.idle).unref();
    owner.onIdle(connection);
  }

  function take(job: Job): void {
    clearTimeout(asleep);
    channel.hold(true);
    const lines = begin(job);
    if (lines !== "") channel.write(lines);
    else if (underWay.length === 0) rest();
  }

  /** Before the final dot a mail is stopped by closing; behind another's final dot, when that one is answered. */
  function cancel(current: Transaction, reason: Refusal): void {
    if (current.committed) return;
    current.stop(reason);
    if (underWay[0] === current) endAfterCancel();
  }

  function endAfterCancel(): void {
    channel.end(lost("4.4.2", "closed after a cancelled mail", channel.scene()));
  }

  function ended(reason: Refusal): void {
    clearTimeout(asleep);
    for (const current of underWay.splice(0)) {
      current.job.cancel = undefined;
      const stale = messages > 1 && !current.answered && !current.committed;
      if (stale && !current.job.retried && !current.job.settled) owner.again(current.job);
      else current.interrupt(reason);
    }
  }

  async function quit(): Promise<void> {
    retiring = true;
    clearTimeout(asleep);
    channel.hold(true);
    channel.note("QUIT");
    channel.write("QUIT\r\n");
    // The mail is delivered by now: how the goodbye goes is nobody's concern (RFC 5321 §4.1.1.10).
    await channel.reply("idle", QUIT_TIMEOUT).catch(() => undefined);
    channel.end(lost("4.4.2", "closed by us", channel.scene()));
  }

  async function probe(): Promise<void> {
    channel.hold(true);
    channel.note("NOOP");
    channel.write("NOOP\r\n");
    const reply = await channel.reply("noop", options.timeouts.command);
    if (reply.code >= 400) throw refused(reply, channel.scene("noop"));
    if (connection.idle) channel.hold(false);
  }

  const connection: Connection = {
    get idle() {
      return underWay.length === 0 && !retiring && channel.reason === undefined;
    },
    get tail() {
      return pipelining && underWay.length > 0 && underWay.every(({ committed }) => committed) && mayTakeMore();
    },
    take,
    start: rest,
    probe,
    ended,
    quit,
  };
  return connection;
}
