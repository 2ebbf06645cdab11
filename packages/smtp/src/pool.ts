import { Refusal } from "@postroad/core";
import type { Connection } from "./connection.ts";
import { startConnection } from "./connection.ts";
import { remoteOf } from "./dial.ts";
import type { Scene } from "./failure.ts";
import { lost } from "./failure.ts";
import type { Job, Owner, Why } from "./job.ts";
import { line } from "./line.ts";
import type { Resolved } from "./options.ts";
import { openSession } from "./session.ts";
import { orAborted } from "./wait.ts";

/** Jobs in the order they came, and never more connections than allowed. */
export interface Pool {
  submit(job: Job): void;
  /** Stops a job wherever it is; after its final dot only with `giveUp`. */
  stop(job: Job, why: Why, giveUp: boolean): void;
  /** Rejects with the Refusal that says why the server cannot be used now. */
  check(signal: AbortSignal | undefined): Promise<void>;
  stats(): PoolStats;
  /** Says goodbye on every connection. Every job must be settled. */
  close(): Promise<void>;
}

/** What a pool is doing at a moment. */
export interface PoolStats {
  /** Mails that wait for a connection. */
  readonly waiting: number;
  /** Mails handed to a connection and not settled. */
  readonly sending: number;
  /** Connections ready or at work. */
  readonly connections: number;
  /** Of those, the ones with nothing to do. */
  readonly idle: number;
  /** Connections being opened. */
  readonly connecting: number;
}

/** After a failed attempt no more connections than there are now are tried for so long. */
const GROWTH_PAUSE = 5_000;

export function makePool(options: Resolved, by: string): Pool {
  const inQueue: Scene = { remote: remoteOf(options), phase: "queue" };
  const waiting = line<Job>();
  /** Of those in line, the ones not cancelled. */
  let count = 0;
  const connections = new Set<Connection>();
  const attempts = new Map<AbortController, Promise<void>>();
  /** How far each attempt has come. */
  const scenes = new Map<AbortSignal, () => Scene>();
  const owner: Owner = { next, again, onIdle: dispatch, chunking: options.chunking };
  let checks = 0;
  let growAfter = 0;
  /** Connections there were when one more was refused. */
  let proven = 0;

  function dispatch(): void {
    while (count > 0) {
      const free = find((connection) => connection.idle()) ?? (full() ? leastLoaded() : undefined);
      const job = free === undefined ? undefined : next(true);
      if (free === undefined || job === undefined) break;
      free.take(job);
    }
    while (count > attempts.size && !full()) void grow().catch(() => undefined);
    if (attempts.size > 0 || head()?.fresh !== true) return;
    next(false)?.refuse(lost("4.5.0", "no fresh connection can be had, over which to ask again", inQueue));
    dispatch();
  }

  /** Cancelled jobs stay in line until their turn comes. */
  function head(): Job | undefined {
    while (waiting.first()?.settled === true) waiting.shift();
    return waiting.first();
  }

  /** One that needs a fresh connection holds up the others until that is there, or cannot be had. */
  function next(used: boolean): Job | undefined {
    const job = head();
    if (job === undefined || (used && job.fresh)) return undefined;
    count -= 1;
    return waiting.shift();
  }

  function find(test: (connection: Connection) => boolean): Connection | undefined {
    for (const connection of connections) if (test(connection)) return connection;
    return undefined;
  }

  function leastLoaded(): Connection | undefined {
    let best: Connection | undefined;
    for (const connection of connections) {
      if ((best === undefined || connection.load() < best.load()) && connection.room()) best = connection;
    }
    return best;
  }

  function full(): boolean {
    const most = performance.now() < growAfter ? Math.max(proven, 1) : options.pool.connections;
    return connections.size + attempts.size >= most;
  }

  /** Opens one more connection, which then looks for work. Rejects with the Refusal that says why it cannot. */
  function grow(): Promise<void> {
    const attempt = new AbortController();
    scenes.set(attempt.signal, () => ({ ...inQueue, phase: "connect" }));
    const opened = connect(attempt.signal, () => attempts.delete(attempt)).finally(() => scenes.delete(attempt.signal)).catch((error: unknown) => {
      attempts.delete(attempt);
      const reason = error instanceof Refusal ? error : lost("4.3.0", "bug in the SMTP client", inQueue, error);
      if (attempt.signal.aborted) dispatch();
      else onFailure(reason);
      throw reason;
    });
    attempts.set(attempt, opened);
    return opened;
  }

  async function connect(signal: AbortSignal, onOpen: () => void): Promise<void> {
    let connection: Connection | undefined;
    const session = await openSession(options, signal, (reason) => {
      if (connection === undefined) return;
      connections.delete(connection);
      connection.ended(reason);
      dispatch();
    }, (channel) => scenes.set(signal, () => channel.scene()));
    // One segment may hold the last reply and the end of it all; so it ended before anybody was there to notice.
    if (session.channel.reason !== undefined) throw session.channel.reason;
    onOpen();
    connection = startConnection(session, options, by, owner);
    connections.add(connection);
    // The server is back: it may take as many as before.
    if (proven === 0) growAfter = 0;
    connection.start();
    dispatch();
  }

  /** With no connection left, the reason holds for everybody who waits: asking again for each would only add load. */
  function onFailure(reason: Refusal): void {
    growAfter = performance.now() + GROWTH_PAUSE;
    proven = connections.size;
    if (connections.size > 0 || attempts.size > 0) return dispatch();
    for (let job = next(false); job !== undefined; job = next(false)) job.refuse(reason);
  }

  function again(job: Job): void {
    if (job.halted !== undefined) return job.refuse(job.halted(inQueue));
    waiting.unshift(job);
    count += 1;
  }

  function stop(job: Job, why: Why, giveUp: boolean): void {
    if (job.stop !== undefined) return job.stop(why, giveUp);
    if (job.settled) return;
    job.refuse(why(whileWaiting()));
    count -= 1;
    if (count === 0 && checks === 0) for (const attempt of attempts.keys()) attempt.abort();
  }

  /** Where nothing works yet, what is waited for is the connection being opened. */
  function whileWaiting(): Scene {
    const [first] = scenes.values();
    return connections.size > 0 || first === undefined ? inQueue : first();
  }

  async function check(signal: AbortSignal | undefined): Promise<void> {
    checks += 1;
    try {
      const idle = find((connection) => connection.idle());
      if (idle !== undefined && (await orAborted(idle.probe(), signal))) return;
      const [attempt] = attempts.values();
      // Where every connection is at work, the server is known to answer.
      if (!full()) await orAborted(grow(), signal);
      else if (connections.size === 0 && attempt !== undefined) await orAborted(attempt, signal);
    } finally {
      checks -= 1;
      if (signal?.aborted === true && count + checks === 0) for (const attempt of attempts.keys()) attempt.abort();
    }
  }

  async function close(): Promise<void> {
    for (const attempt of attempts.keys()) attempt.abort();
    await Promise.allSettled(attempts.values());
    await Promise.all([...connections].map((connection) => connection.quit()));
  }

  return {
    submit(job) {
      waiting.push(job);
      count += 1;
      dispatch();
    },
    stop,
    check,
    stats() {
      const all = [...connections];
      return {
        waiting: count,
        sending: all.reduce((sum, connection) => sum + connection.load(), 0),
        connections: all.length,
        idle: all.filter((connection) => connection.idle()).length,
        connecting: attempts.size,
      };
    },
    close,
  };
}
