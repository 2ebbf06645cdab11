import type { Socket } from "node:net";
import type { Refusal, Reply, Status } from "@postroad/core";
import { deadline } from "./deadline.ts";
import type { Phase, Scene } from "./failure.ts";
import { lost, refused } from "./failure.ts";
import type { Piece } from "./pieces.ts";
import { joined } from "./pieces.ts";
import { onBytes } from "./reading.ts";
import { replyParser } from "./reply.ts";
import { transcript } from "./transcript.ts";

/** A command on its way: what its reply means, and how long to wait for it. */
export interface Expected {
  phase: Phase;
  /** Milliseconds from the moment it is the next reply due. */
  readonly timeout: number;
  readonly onReply: (reply: Reply) => void;
}

/**
 * One connection's bytes and replies. Replies are matched to commands strictly and in order (RFC 2920 §3.1): one too
 * many ends it. It ends once, with the reason.
 */
export interface Channel {
  readonly remote: string;
  /** Why it ended; undefined while it is open. */
  readonly reason: Refusal | undefined;
  /** The server has said more than is taken in yet; so it did not wait for what we say next. */
  ahead(): boolean;
  /** Writes all pieces as one, with whatever else is written in this turn. */
  write(...pieces: readonly Piece[]): void;
  /** Notes for the transcript what a write said. Secrets must be left out. */
  note(said: string): void;
  /** From now on the transcript and replies do not show these, should the server repeat them. */
  hide(secrets: readonly string[]): void;
  expect(expected: Expected): void;
  /** Restarts the wait for the next reply, as a body makes progress. Milliseconds. `phase` is what is awaited now. */
  extend(timeout: number, phase?: Phase): void;
  /** Resolves when the socket takes more; rejects with the reason when the channel ends. */
  drained(): Promise<void>;
  /** Waits for what has to be had before the next command; rejects with the reason when the channel ends first. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Gives the next reply as a promise; rejects with the reason when the channel ends. */
  reply(phase: Phase, timeout: number): Promise<Reply>;
  /** Hands out the socket for TLS to take over. Bytes read ahead would be injected replies: they end the channel. */
  detach(): Socket;
  attach(socket: Socket): void;
  /** Closes the socket and tells the owner why. */
  end(reason: Refusal): void;
  /** Keeps the process alive, or no longer. */
  hold(on: boolean): void;
  scene(phase?: Phase): Scene;
}

const STUCK = "the message made no progress";
const INJECTED = "more than one reply came before TLS began, as an attacker would inject it";

/** Reads and writes over `first` until it ends; then calls `onEnd`, once. */
export function openChannel(first: Socket, remote: string, onEnd: (reason: Refusal) => void): Channel {
  const expected: Expected[] = [];
  /** For each of them, how many times bytes had come in when it was written. */
  const writtenAt: number[] = [];
  const outbox: Piece[] = [];
  const log = transcript();
  const onceEnded = new Set<(reason: Refusal) => void>();
  const patience = deadline(() => fail("4.4.2", expected[0]?.phase === "body" ? STUCK : "the server did not answer in time"));
  let parser = replyParser(take);
  let socket = first;
  let stopReading: (() => void) | undefined;
  let arrivals = 0;
  /** A reply has come, and the wait for the next is not set yet: several come at once, and asking for the time costs. */
  let answered = false;
  let lastPhase: Phase | undefined;
  /** Undefined where whoever made the socket has the say. */
  let held: boolean | undefined;

  function take(said: Reply): void {
    if (channel.reason !== undefined) return;
    log.server(said.code, said.text);
    const head = expected.shift();
    // What came together with an earlier reply cannot answer what that reply made us write.
    const early = writtenAt.shift() === arrivals && head?.phase !== "body";
    if (head === undefined || early) return unexpected(said.code);
    lastPhase = head.phase;
    // A challenge is answered letter by letter, and shown to nobody.
    const text = said.code === 334 ? said.text : log.clean(said.text);
    const reply = text === said.text ? said : { code: said.code, text };
    answered = true;
    // 421 closes the connection whatever it answers; whoever reads it must know that there is no next command.
    if (reply.code === 421) end(refused(reply, scene(head.phase)), () => head.onReply(reply));
    else head.onReply(reply);
  }

  /** What was written in one turn leaves in one write: the answers to several replies, or a burst of mails. */
  function flush(): void {
    if (outbox.length === 0) return;
    const buffers = joined(outbox.splice(0));
    if (channel.reason !== undefined) return;
    if (buffers.length > 1) socket.cork();
    for (const buffer of buffers) socket.write(buffer);
    if (buffers.length > 1) socket.uncork();
  }

  function unexpected(code: number): void {
    if (lastPhase === "starttls") fail("4.7.5", INJECTED);
    // It needs no command (RFC 5321 §3.8).
    else if (code === 421) fail("4.3.2", "the server closes the connection with 421");
    else end(lost("4.5.0", `the server sent a ${code} that nothing asked for`, scene(lastPhase)));
  }

  function scene(phase: Phase = expected[0]?.phase ?? "idle"): Scene {
    return { remote, phase, transcript: log.lines() };
  }

  function fail(status: Status<4>, message: string, cause?: unknown): void {
    end(lost(status, message, scene(), cause));
  }

  function read(bytes: Buffer): void {
    arrivals += 1;
    const fault = parser.push(bytes);
    flush();
    if (channel.reason !== undefined) return;
    if (answered) awaitNext();
    if (fault === undefined) return;
    if (lastPhase === "starttls") fail("4.7.5", INJECTED);
    // The line that breaks it may repeat what we told, cut where nobody recognises it.
    else if (log.secretive()) fail("4.5.0", "the server broke the protocol");
    else fail("4.5.0", `the server broke the protocol: ${fault}`);
  }

  const listeners = {
    end: () => fail("4.4.2", "the server closed the connection"),
    close: () => fail("4.4.2", "the server closed the connection"),
    error: (error: Error) => fail("4.4.2", `the connection broke: ${error.message}`, error),
  };

  function attach(next: Socket): void {
    socket = next;
    held = undefined;
    stopReading = onBytes(socket, read);
    for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
    // Whoever made the connection may have paused it.
    socket.resume();
  }

  function release(): void {
    stopReading?.();
    for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
  }

  function end(why: Refusal, lastWords?: () => void): void {
    if (channel.reason !== undefined) return;
    channel.reason = why;
    lastWords?.();
    patience.end();
    release();
    // A socket may still report an error while it goes down; the reason is known by then.
    socket.on("error", () => undefined).destroy();
    for (const tell of onceEnded) tell(why);
    onceEnded.clear();
    onEnd(why);
  }

  /** A promise that settles by `arrange`, or rejects when the channel ends first. */
  function untilEnd<T>(arrange: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (channel.reason !== undefined) return reject(channel.reason);
      onceEnded.add(reject);
      const settled = <V>(settle: (value: V) => void) => (value: V): void => {
        onceEnded.delete(reject);
        settle(value);
      };
      arrange(settled(resolve), settled(reject));
    });
  }

  function awaitNext(): void {
    answered = false;
    if (expected[0] === undefined) patience.clear();
    else patience.set(expected[0].timeout);
  }

  function expect(next: Expected): void {
    expected.push(next);
    writtenAt.push(arrivals);
    if (expected.length === 1) patience.set(next.timeout);
  }

  /** Without accessors, which would give every channel a shape of its own, and all that use several of them a slow way in. */
  const channel: { -readonly [Key in keyof Channel]: Channel[Key] } = {
    remote,
    reason: undefined,
    ahead: () => parser.partial(),
    write(...pieces) {
      if (outbox.length === 0) queueMicrotask(flush);
      outbox.push(...pieces);
    },
    note: (said) => log.client(said),
    hide: (secrets) => log.hide(secrets),
    expect,
    extend(timeout, phase) {
      // The reply may have come while the last octets went out.
      if (expected.length > 0) {
        patience.set(timeout);
        answered = false;
      }
      if (phase !== undefined) for (const next of expected) next.phase = phase;
    },
    drained() {
      flush();
      return untilEnd((resolve) => (socket.writableNeedDrain ? socket.once("drain", resolve) : resolve()));
    },
    during: (work) => untilEnd((resolve, reject) => void work.then(resolve, reject)),
    reply: (phase, timeout) => untilEnd((resolve) => expect({ phase, timeout, onReply: resolve })),
    detach() {
      if (parser.partial() || expected.length > 0) {
        fail("4.7.5", INJECTED);
      }
      release();
      parser = replyParser(take);
      return socket;
    },
    attach,
    end: (why) => end(why),
    hold(on) {
      if (held === on) return;
      held = on;
      if (on) socket.ref();
      else socket.unref();
    },
    scene,
  };
  attach(first);
  return channel;
}
