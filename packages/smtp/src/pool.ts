import { Refusal } from "@postroad/core";
import type { Connection, Owner } from "./connection.ts";
import { startConnection } from "./connection.ts";
import { lost } from "./failure.ts";
import type { Job } from "./job.ts";
import { line } from "./line.ts";
import type { Resolved } from "./options.ts";
import { openSession } from "./session.ts";

/** Jobs in the order they came, and never more connections than allowed. */
export interface Pool {
  submit(job: Job): void;
  /** Stops a job wherever it is. */
  cancel(job: Job, reason: Refusal): void;
  /** Rejects with the Refusal that says why the server cannot be used now. */
  check(signal: AbortSignal | undefined): Promise<void>;
  /** Says goodbye on every connection. Nothing may be under way. */
  close(): Promise<void>;
}

/** After a failed attempt, while others work, no further connection is tried for so long. */
const GROWTH_PAUSE = 5_000;

export function makePool(options: Resolved, by: string): Pool {
  const waiting = line<Job>();
  /** Of those in line, the ones not cancelled. */
  let count = 0;
  const connections = new Set<Connection>();
  const attempts = new Set<AbortController>();
  const owner: Owner = { next, again, onIdle: dispatch, chunking: options.chunking };
  let growAfter = 0;

  function dispatch(): void {
    while (count > 0) {
      const free = find(({ idle }) => idle) ?? (full() ? leastLoaded() : undefined);
      const job = free === undefined ? undefined : next();
      if (free === undefined || job === undefined) break;
      free.take(job);
    }
    while (count > attempts.size && !full()) void grow();
  }

  /** Cancelled jobs stay in line until their turn comes. */
  function next(): Job | undefined {
    let job = waiting.shift();
    while (job?.settled === true) job = waiting.shift();
    if (job !== undefined) count -= 1;
    return job;
  }

  function find(test: (connection: Connection) => boolean): Connection | undefined {
    for (const connection of connections) if (test(connection)) return connection;
    return undefined;
  }

  function leastLoaded(): Connection | undefined {
    let best: Connection | undefined;
    for (const connection of connections) {
      if (connection.room && (best === undefined || connection.load < best.load)) best = connection;
    }
    return best;
  }

  function full(): boolean {
    const paused = connections.size > 0 && performance.now() < growAfter;
    return paused || connections.size + attempts.size >= options.pool.connections;
  }

  async function grow(): Promise<void> {
    const attempt = new AbortController();
    try {
      await connect(attempt);
    } catch (error) {
      if (attempt.signal.aborted) return dispatch();
      const bug = (): Refusal => lost("4.3.0", "bug in the SMTP client", { remote: by, phase: "connect" }, error);
      onFailure(error instanceof Refusal ? error : bug());
    }
  }

  /** Opens one more connection, which then looks for work. */
  async function connect(attempt: AbortController): Promise<void> {
    attempts.add(attempt);
    let connection: Connection | undefined;
    try {
      const session = await openSession(options, attempt.signal, (reason) => {
        if (connection === undefined) return;
        connections.delete(connection);
        connection.ended(reason);
        dispatch();
      });
      connection = startConnection(session, options, by, owner);
      connections.add(connection);
    } finally {
      attempts.delete(attempt);
    }
    connection.start();
  }

  /** With no connection left, the reason holds for everybody who waits: asking again for each would only add load. */
  function onFailure(reason: Refusal): void {
    growAfter = performance.now() + GROWTH_PAUSE;
    if (connections.size > 0 || attempts.size > 0) return;
    for (let job = next(); job !== undefined; job = next()) job.refuse(reason);
  }

  function again(job: Job): void {
    job.retried = true;
    waiting.unshift(job);
    count += 1;
  }

  function cancel(job: Job, reason: Refusal): void {
    if (job.cancel !== undefined) return job.cancel(reason);
    if (job.settled) return;
    job.refuse(reason);
    count -= 1;
    if (count === 0) for (const attempt of attempts) attempt.abort();
  }

  async function check(signal: AbortSignal | undefined): Promise<void> {
    const idle = find((connection) => connection.idle);
    if (idle !== undefined) return idle.probe();
    // Where every connection is at work, the server is known to answer.
    if (full()) return;
    const attempt = new AbortController();
    const abort = (): void => attempt.abort();
    signal?.addEventListener("abort", abort, { once: true });
    await connect(attempt).finally(() => signal?.removeEventListener("abort", abort));
  }

  async function close(): Promise<void> {
    for (const attempt of attempts) attempt.abort();
    await Promise.all([...connections].map((connection) => connection.quit()));
  }

  return {
    submit(job) {
      waiting.push(job);
      count += 1;
      dispatch();
    },
    cancel,
    check,
    close,
  };
}
