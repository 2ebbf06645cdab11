import type { Reply } from "@postroad/core";
import { lastChunk, sendChunks } from "./chunks.ts";
import { sendData } from "./data.ts";
import type { Resolved } from "./options.ts";
import type { Piece } from "./pieces.ts";
import type { BodyEvents } from "./sending.ts";
import { SMALL, isUpTo } from "./sending.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";

/** How one mail is spoken: line by line, as a pipelined group, or in chunks. */
export interface Dialogue {
  /** The next mail may go out before the last is answered. */
  readonly pipelining: boolean;
  /** Messages have gone out in chunks. */
  chunking(): boolean;
  /** One more may go out behind these. With CHUNKING that grows with what the server proves to accept. */
  hasRoom(underWay: readonly Transaction[]): boolean;
  /** Expects the replies to a mail and gives what to write for it now; the rest follows as replies come. */
  begin(current: Transaction): readonly Piece[];
}

/** What a dialogue tells its connection. */
export interface DialogueEvents {
  /** May messages go out with BDAT? */
  readonly mayChunk: () => boolean;
  /** The last byte of a message is about to be written: what rides behind it. */
  readonly following: () => readonly Piece[];
  /** Everything about this mail is answered. */
  readonly done: (current: Transaction) => void;
  /** The only way on is over another connection. */
  readonly stuck: () => void;
  /** The server offers CHUNKING and does not know BDAT: it may have read the message as commands. */
  readonly notUnderstood: (current: Transaction, reply: Reply) => void;
}

const DATA = "DATA\r\n";
/** Codes that say "what is BDAT?" (RFC 5321 §4.2.4). */
const UNKNOWN_COMMAND: ReadonlySet<number> = new Set([500, 502, 504]);
/** A server that has proven to know BDAT gets up to this in one chunk behind the envelope, without an answer to it. */
const ONE_CHUNK = 256 * 1024;
/** With so many octets of several messages unanswered, no further mail goes out: about what kernels hold for a connection. */
const AHEAD = 1024 * 1024;
/** A message and, behind its final dot, one envelope, whose own message waits for its 354. */
const BEHIND_A_DOT = 2;

export function makeDialogue(session: Session, options: Resolved, events: DialogueEvents): Dialogue {
  const { channel, capabilities } = session;
  const { timeouts } = options;
  const lmtp = options.protocol === "lmtp";
  const pipelining = options.pipelining && capabilities.has("PIPELINING");
  // LMTP answers the last chunk once per accepted recipient, a number not known when it is sent.
  const chunks = pipelining && !lmtp && capabilities.has("CHUNKING");
  const eightBit = capabilities.has("8BITMIME");
  let window = 1;
  let chunking = false;
  /** A chunk has been taken: the server knows BDAT. */
  let proven = false;

  function expectLine(current: Transaction, index: number, then: (reply: Reply) => void): string {
    channel.expect(current.expected(index, then));
    return current.envelope[index] ?? "";
  }

  /** MAIL, every RCPT and DATA in one group (RFC 2920 §3.1). */
  function group(current: Transaction): readonly Piece[] {
    let lines = "";
    for (const index of current.envelope.keys()) lines += expectLine(current, index, nothing);
    lines += DATA;
    expectGoAhead(current);
    channel.note(lines);
    return [lines];
  }

  function chunked(current: Transaction): readonly Piece[] {
    const inOne = isUpTo(proven ? ONE_CHUNK : SMALL, current.job.body);
    const last = current.envelope.length - 1;
    let lines = "";
    for (let index = 0; index <= last; index += 1) {
      lines += expectLine(current, index, index === last && !inOne ? () => sendLarge(current) : nothing);
    }
    if (inOne) lines += lastChunk(current, channel, timeouts, (reply) => onMessage(current, reply));
    channel.note(lines);
    return inOne ? [lines, ...(current.job.body.chunks ?? [])] : [lines];
  }

  /** One line at a time, for servers that do not pipeline. */
  function lockStep(current: Transaction, index: number): readonly Piece[] {
    const line = expectLine(current, index, (reply) => {
      if (channel.reason !== undefined) return;
      const last = index === current.envelope.length - 1;
      if (last && current.accepted === 0 && current.unproven && !current.job.settled) return current.distrust(reply, "rcpt");
      if (current.job.settled || current.outOfStep || (last && current.accepted === 0)) return events.done(current);
      if (!last) return channel.write(...lockStep(current, index + 1));
      expectGoAhead(current);
      channel.note(DATA);
      channel.write(DATA);
    });
    channel.note(line);
    return [line];
  }

  function expectGoAhead(current: Transaction): void {
    const onReply = (reply: Reply): void => {
      const go = current.goAhead(reply);
      if (channel.reason !== undefined) return;
      if (!go) return events.done(current);
      if (current.accepted === 0) return sendNothing(current);
      // Nobody wants it sent any more, or it would go to others; and the lone dot would deliver an empty message.
      if (current.job.settled || current.outOfStep) return events.stuck();
      sendData(current, channel, timeouts, bodyEvents(current), lmtp);
    };
    channel.expect({ phase: "data", timeout: timeouts.data, onReply });
  }

  /**
   * 354 although nobody is left to send to: an empty message is the only way out (RFC 2920 §3.1), and with LMTP, where
   * it would get no reply, the end of the connection.
   */
  function sendNothing(current: Transaction): void {
    if (lmtp) return events.stuck();
    channel.expect({ phase: "final", timeout: timeouts.final, onReply: () => events.done(current) });
    channel.note(".\r\n");
    channel.write(".\r\n");
  }

  /** A large mail starts when somebody is there to get it. */
  function sendLarge(current: Transaction): void {
    if (channel.reason !== undefined) return;
    if (current.job.settled || current.outOfStep || current.accepted === 0) return events.done(current);
    void sendChunks(current, channel, timeouts, bodyEvents(current));
  }

  /** The reply to a message in chunks. Servers count errors, and hang up on those who make too many in a row. */
  function onMessage(current: Transaction, reply: Reply): void {
    if (!understood(current, reply)) return;
    window = reply.code < 300 ? Math.min(window * 2, options.window) : Math.max(1, Math.floor(window / 2));
    current.finish(reply);
    events.done(current);
  }

  function understood(current: Transaction, reply: Reply): boolean {
    proven ||= reply.code < 300;
    const unknown = !proven && UNKNOWN_COMMAND.has(reply.code) && current.open && current.accepted > 0;
    if (unknown) events.notUnderstood(current, reply);
    return !unknown;
  }

  function bodyEvents(current: Transaction): BodyEvents {
    return {
      eightBit,
      following: events.following,
      understood: (reply) => understood(current, reply),
      answered: (reply) => onMessage(current, reply),
      done: () => events.done(current),
    };
  }

  return {
    pipelining,
    chunking: () => chunking,
    hasRoom(underWay) {
      // With LMTP as many replies come as there are recipients: only when all are in, one too many is seen.
      if (!pipelining || lmtp) return false;
      const most = chunks && events.mayChunk() ? window : BEHIND_A_DOT;
      return underWay.length < most && (underWay.length < 2 || octetsOf(underWay) < AHEAD);
    },
    begin(current) {
      if (!pipelining) return lockStep(current, 0);
      const inChunks = chunks && events.mayChunk();
      chunking ||= inChunks;
      return inChunks ? chunked(current) : group(current);
    },
  };
}

function octetsOf(underWay: readonly Transaction[]): number {
  let octets = 0;
  for (const { job } of underWay) octets += job.body.size ?? 0;
  return octets;
}

function nothing(): void {
  // What the replies to an envelope line mean is for its transaction alone.
}
