import type { Refusal, Reply } from "@postroad/core";
import { deadline } from "./deadline.ts";
import { makeDialogue } from "./dialogue.ts";
import { lost, refused } from "./failure.ts";
import { sayGoodbye } from "./goodbye.ts";
import type { Job, Owner, Why } from "./job.ts";
import { serverLimits } from "./limits.ts";
import type { Resolved } from "./options.ts";
import type { Piece } from "./pieces.ts";
import type { Session } from "./session.ts";
import { Transaction } from "./transaction.ts";

/** A session at work: one mail after the other, and where the server pipelines, the next behind the last. */
export interface Connection {
  /** Nothing is under way. */
  idle(): boolean;
  /** Mails under way. */
  load(): number;
  /** Another mail may be taken: at once, or to ride behind those whose last byte is written (RFC 2920 §3.1). */
  room(): boolean;
  take(job: Job): void;
  /** Looks for its first job. */
  start(): void;
  /** Asks whether the server is there. False where the connection turns out to be lost; rejects on a negative reply. */
  probe(): Promise<boolean>;
  /** The session has ended: settles or hands back what was under way. */
  ended(reason: Refusal): void;
  /** Says QUIT and closes. Whatever the server answers changes nothing any more. */
  quit(): Promise<void>;
}

const RSET = "RSET\r\n";

export function startConnection(session: Session, options: Resolved, by: string, owner: Owner): Connection {
  const { channel } = session;
  const { timeouts, pool } = options;
  const dialogue = makeDialogue(session, options, { mayChunk: () => owner.chunking, following, done, notUnderstood, stuck });
  const limits = serverLimits(session.capabilities);
  const way = { session, limits, by, timeouts };
  const maxMessages = Math.min(pool.messages, limits.messages);
  const retirement = deadline(() => {
    retiring = true;
    if (underWay.length === 0 && !probing) void quit();
  });
  retirement.set(pool.lifetime);
  /** In the order of the wire; only the last may not be committed yet. */
  const underWay: Transaction[] = [];
  let messages = 0;
  let mustReset = false;
  let retiring = false;
  let probing = false;
  let asleep: NodeJS.Timeout | undefined;
  let goodbye: Promise<void> | undefined;

  function mayTakeMore(): boolean {
    retiring ||= messages >= maxMessages;
    return !retiring && channel.reason === undefined;
  }

  function hasRoom(): boolean {
    const last = underWay.at(-1);
    if (last === undefined) return mayTakeMore();
    return last.committed && dialogue.hasRoom(underWay) && mayTakeMore();
  }

  /** Takes jobs on while there is room behind the last, and gives what to write for them. */
  function following(): readonly Piece[] {
    const pieces: Piece[] = [];
    while (hasRoom()) {
      const job = owner.next(messages > 0);
      if (job === undefined) break;
      pieces.push(...begin(job));
    }
    return pieces;
  }

  function begin(job: Job): readonly Piece[] {
    const current = new Transaction(job, way, options.protocol === "lmtp" && messages > 0);
    retiring ||= current.crowdedOut;
    if (current.crowdedOut) owner.again(job);
    if (current.crowdedOut) return [];
    if (current.envelope.length === 0) {
      current.stop(lost("4.3.0", "nothing of the mail could be sent", channel.scene("mail")));
      return [];
    }
    messages += 1;
    job.fresh = false;
    const waits = !dialogue.pipelining || (mustReset && dialogue.chunking());
    mustReset ||= (dialogue.chunking() && underWay.length > 0) || (options.protocol === "lmtp" && messages > 1);
    underWay.push(current);
    // Named first: V8 keeps what is assigned to a property right away, and its mail with it, for long.
    const stopCurrent: Job["stop"] = (why, giveUp) => stop(current, why, giveUp);
    job.stop = stopCurrent;
    return mustReset ? reset(current, waits) : dialogue.begin(current);
  }

  /**
   * Ends a transaction that was left open: in one write with the next one's envelope, or before it where its message
   * would not wait for an answer. Behind a message in chunks nobody knows yet: refused, it may stay open (RFC 3030 §2),
   * and this mail would get its sender and its recipients. With LMTP it takes a reply too many to the message before,
   * which would else be the reply to MAIL.
   */
  function reset(current: Transaction, waits: boolean): readonly Piece[] {
    mustReset = false;
    const onReply = ({ code }: Reply): void => {
      if (channel.reason !== undefined) return;
      if (code >= 300) channel.end(lost("4.5.0", `the server answered RSET with ${code}`, channel.scene("mail")));
      else if (waits) write(dialogue.begin(current));
    };
    channel.expect({ phase: "mail", timeout: timeouts.command, onReply });
    channel.note(RSET);
    return waits ? [RSET] : [RSET, ...dialogue.begin(current)];
  }

  function notUnderstood(current: Transaction, reply: Reply): void {
    owner.chunking = false;
    underWay.shift();
    handBack(current, refused(reply, channel.scene("final")));
    channel.end(lost("4.5.0", `the server offers CHUNKING and answers BDAT with ${reply.code}`, channel.scene("final")));
  }

  function done(current: Transaction): void {
    if (channel.reason !== undefined) return;
    const { job } = current;
    job.stop = undefined;
    underWay.shift();
    // What rides behind it has begun with RSET.
    mustReset = underWay.length === 0 && (current.open || current.outOfStep);
    if (!current.unfinished && !job.settled) leftOver(current);
    if (current.unfinished) owner.again(job);
    const [next] = underWay;
    if (next?.job.settled === true && !next.committed) stuck();
    else if (next === undefined) rest();
    else write(following());
  }

  /** Its transaction is over and said nothing about some. */
  function leftOver(current: Transaction): void {
    const nobody = lost("4.5.0", "the server took no recipient", channel.scene("data"));
    if (current.outOfStep) handBack(current, nobody);
    else current.giveUp(nobody);
  }

  /** As often as there may be connections that went stale at the same time. */
  function handBack(current: Transaction, reason: Refusal): void {
    const { job } = current;
    job.stop = undefined;
    if (job.settled) return;
    if (job.moves >= pool.connections) return current.stop(reason);
    job.moves += 1;
    owner.again(job);
  }

  function rest(): void {
    if (channel.reason !== undefined || underWay.length > 0) return;
    const job = mayTakeMore() ? owner.next(messages > 0) : undefined;
    if (job !== undefined) return take(job);
    if (retiring) return void quit();
    channel.hold(false);
    clearTimeout(asleep);
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
  function stop(current: Transaction, why: Why, giveUp: boolean): void {
    const { job } = current;
    const scene = underWay[0] === current ? channel.scene() : channel.scene("queue");
    if (!current.committed) {
      current.stop(why(scene));
      if (underWay[0] === current) stuck();
    } else if (giveUp) current.interrupt(why(scene));
    else job.halted ??= why;
  }

  function stuck(): void {
    channel.end(lost("4.4.2", "closed after a mail was stopped", channel.scene()));
  }

  function ended(reason: Refusal): void {
    clearTimeout(asleep);
    retirement.end();
    // Backwards, so that those handed back stand in their old order.
    for (const current of underWay.splice(0).toReversed()) {
      const unseen = (messages > 1 && !current.answered) || current.outOfStep || current.unproven;
      if (unseen && !current.committed) handBack(current, reason);
      else current.interrupt(reason);
      current.job.stop = undefined;
    }
  }

  function quit(): Promise<void> {
    retiring = true;
    clearTimeout(asleep);
    goodbye ??= sayGoodbye(channel, underWay.length > 0);
    return goodbye;
  }

  async function probe(): Promise<boolean> {
    probing = true;
    clearTimeout(asleep);
    channel.hold(true);
    try {
      channel.note("NOOP");
      channel.write("NOOP\r\n");
      const reply = await channel.reply("noop", timeouts.command);
      if (reply.code >= 300) throw refused(reply, channel.scene("noop"));
      return true;
    } catch (error) {
      if (channel.reason === undefined) throw error;
      return false;
    } finally {
      probing = false;
      rest();
    }
  }

  return {
    idle: () => underWay.length === 0 && !retiring && !probing && channel.reason === undefined,
    load: () => underWay.length,
    room: () => !probing && hasRoom(),
    take,
    start: rest,
    probe,
    ended,
    quit,
  };
}
