import type { Refusal, Reply } from "@postroad/core";
import { makeDialogue } from "./dialogue.ts";
import { lost, refused } from "./failure.ts";
import type { Job } from "./job.ts";
import type { Resolved } from "./options.ts";
import type { Piece } from "./pieces.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";
import { transaction } from "./transaction.ts";

/** A session at work: one mail after the other, and where the server pipelines, the next behind the last. */
export interface Connection {
  /** Nothing is under way. */
  readonly idle: boolean;
  /** Mails under way. */
  readonly load: number;
  /** Another mail may be taken: at once, or to ride behind those whose last byte is written (RFC 2920 §3.1). */
  readonly room: boolean;
  take(job: Job): void;
  /** Looks for its first job. */
  start(): void;
  /** Asks whether the server is there. */
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
  /** Nothing of this job was looked at, and another connection may still do it. */
  again(job: Job): void;
  onIdle(): void;
  /** May messages be sent with BDAT? Turned off for good by a server that offers CHUNKING and does not know BDAT. */
  chunking: boolean;
}

const QUIT_TIMEOUT = 2_000;
const RSET = "RSET\r\n";

export function startConnection(session: Session, options: Resolved, by: string, owner: Owner): Connection {
  const { channel } = session;
  const { timeouts, pool } = options;
  const dialogue = makeDialogue(session, options, { mayChunk: () => owner.chunking, following, done, notUnderstood });
  const retireAt = performance.now() + pool.lifetime;
  /** In the order of the wire; only the last may not be committed yet. */
  const underWay: Transaction[] = [];
  let messages = 0;
  let mustReset = false;
  let retiring = false;
  let asleep: NodeJS.Timeout | undefined;

  function mayTakeMore(): boolean {
    retiring ||= messages >= pool.messages || performance.now() >= retireAt;
    return !retiring && channel.reason === undefined;
  }

  function hasRoom(): boolean {
    const last = underWay.at(-1);
    if (last === undefined) return mayTakeMore();
    return dialogue.pipelining && last.committed && underWay.length < dialogue.window && mayTakeMore();
  }

  /** Takes jobs on while there is room behind the last, and gives what to write for them. */
  function following(): readonly Piece[] {
    const pieces: Piece[] = [];
    while (hasRoom()) {
      const job = owner.next();
      if (job === undefined) break;
      pieces.push(...begin(job));
    }
    return pieces;
  }

  function begin(job: Job): readonly Piece[] {
    const current = transaction(job, session, by, timeouts);
    if (current.envelope.length === 0) {
      current.stop(lost("4.3.0", "nothing of the mail could be sent", channel.scene("mail")));
      return [];
    }
    messages += 1;
    underWay.push(current);
    job.cancel = (reason) => cancel(current, reason);
    return [...reset(), ...dialogue.begin(current)];
  }

  /** Ends a transaction that was left open, in the same write as the next one's envelope. */
  function reset(): readonly Piece[] {
    if (!mustReset) return [];
    mustReset = false;
    channel.expect({ phase: "mail", timeout: timeouts.command, onReply: () => undefined });
    channel.note(RSET);
    return [RSET];
  }

  function notUnderstood(current: Transaction, reply: Reply): void {
    owner.chunking = false;
    underWay.shift();
    handBack(current, refused(reply, channel.scene("final")));
    channel.end(lost("4.5.0", `the server offers CHUNKING and answers BDAT with ${reply.code}`, channel.scene("final")));
  }

  function done(current: Transaction): void {
    current.job.cancel = undefined;
    underWay.shift();
    mustReset ||= current.open;
    const nobody = lost("4.5.0", "the server took no recipient", channel.scene("data"));
    if (current.outOfStep) handBack(current, nobody);
    else current.stop(nobody);
    const next = underWay[0];
    if (next?.job.settled === true && !next.committed) endAfterCancel();
    else if (next === undefined) rest();
    else write(following());
  }

  function handBack(current: Transaction, reason: Refusal): void {
    const { job } = current;
    job.cancel = undefined;
    if (job.settled) return;
    if (job.retried) current.stop(reason);
    else owner.again(job);
  }

  function rest(): void {
    if (channel.reason !== undefined) return;
    const job = mayTakeMore() ? owner.next() : undefined;
    if (job !== undefined) return take(job);
    if (retiring) return void quit();
    channel.hold(false);
    asleep = setTimeout(() => void quit(), pool.idle).unref();
    owner.onIdle();
  }

  function take(job: Job): void {
    clearTimeout(asleep);
    channel.hold(true);
    write([...begin(job), ...following()]);
    if (underWay.length === 0) rest();
  }

  function write(pieces: readonly Piece[]): void {
    if (pieces.length > 0) channel.write(...pieces);
  }

  /** Before the commit point a mail is stopped by closing; behind others, when those are answered. */
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
    // Backwards, so that those handed back stand in their old order.
    for (const current of underWay.splice(0).toReversed()) {
      const unseen = messages > 1 && !current.answered && !current.committed;
      if (unseen) handBack(current, reason);
      else current.interrupt(reason);
      current.job.cancel = undefined;
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
    const reply = await channel.reply("noop", timeouts.command);
    if (reply.code >= 400) throw refused(reply, channel.scene("noop"));
    if (underWay.length === 0) channel.hold(false);
  }

  return {
    get idle() {
      return underWay.length === 0 && !retiring && channel.reason === undefined;
    },
    get load() {
      return underWay.length;
    },
    get room() {
      return hasRoom();
    },
    take,
    start: rest,
    probe,
    ended,
    quit,
  };
}
