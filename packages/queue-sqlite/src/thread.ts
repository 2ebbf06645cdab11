import { Refusal } from "@postroad/core";
import { Worker } from "node:worker_threads";
import type { Answer, Answers, AnswerTo, Operation, Order, Report, Settings, Verb } from "./messages.ts";
import { refusalOf } from "./refusals.ts";

/** Operations that go to the thread at once; the others wait for the next commit. */
const MOST = 1000;
/** As many are worth a commit of their own: the thread works on them while the event loop prepares the next. */
const ENOUGH = 32;

/** The thread with the database, as the event loop sees it. */
export interface Thread {
  /** Resolves once it is committed, and synced where it wrote something. */
  ask<V extends Verb>(operation: Operation & { readonly verb: V }): Promise<Answers[V]>;
  /** Looks for commits of other processes; 0 ends it. */
  watch(interval: number): void;
  /** Waits for what was asked, then for the thread's end. */
  close(): Promise<void>;
}

export interface Listener {
  /** Files that no content refers to any more. */
  removed(files: readonly string[]): void;
  /** Another process has committed. */
  changed(): void;
}

interface Asked {
  readonly operation: Operation;
  settle(answer: Answer): void;
  fail(error: Refusal): void;
}

/**
 * What is asked while the thread is busy, or in one turn of the event loop as far as that is not enough, goes to it together, as
 * one transaction with one sync: the more callers there are, the fewer syncs each of them costs. Starts when it is first asked, and anew should
 * it ever die.
 */
export function threadOf(settings: Settings, listener: Listener): Thread {
  let worker: Worker | undefined;
  let interval = 0;
  let waiting: Asked[] = [];
  let underway: readonly Asked[] | undefined;
  let scheduled = false;
  let idle: (() => void) | undefined;

  function start(): Worker {
    const made = new Worker(workerUrl(), { workerData: settings, name: "sqliteStore" });
    made.on("message", (report: Report) => {
      if (report.kind === "changed") listener.changed();
      else answered(report);
    });
    made.on("error", (error: Error) => died(made, error));
    made.on("exit", () => died(made, new Error("the thread ended")));
    made.unref();
    if (interval > 0) order(made, { kind: "watch", interval });
    return made;
  }

  function died(which: Worker, cause: Error): void {
    if (worker !== which) return;
    worker = undefined;
    const message = `${settings.path}: the thread with the database died: ${cause.message}`;
    refuse(underway ?? [], new Refusal("4.3.0", message, { phase: "store", uncertain: true, cause }));
    // Whoever watches asks, and so starts the next one, which looks for what comes from other processes.
    if (interval > 0) listener.changed();
  }

  function refuse(asked: readonly Asked[], error: Refusal): void {
    underway = undefined;
    for (const each of asked) each.fail(error);
    next();
  }

  function answered({ answers, removed }: Extract<Report, { kind: "batch" }>): void {
    const done = underway ?? [];
    underway = undefined;
    if (removed.length > 0) listener.removed(removed);
    for (const [index, asked] of done.entries()) {
      const answer = answers[index];
      if (answer !== undefined) asked.settle(answer);
    }
    next();
  }

  function next(): void {
    if (waiting.length > 0) schedule();
    else {
      worker?.unref();
      idle?.();
    }
  }

  /** Whoever was answered has the rest of this turn to ask for what comes next. */
  function schedule(): void {
    if (scheduled || underway !== undefined) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (underway === undefined && waiting.length > 0) send();
    });
  }

  function send(): void {
    underway = claimsLast(waiting.splice(0, MOST));
    try {
      worker ??= start();
      worker.ref();
      order(worker, { kind: "batch", operations: underway.map(({ operation }) => operation) }, buffersOf(underway));
    } catch (cause) {
      refuse(underway, new Refusal("4.3.0", `${settings.path}: what was asked cannot go to the thread`, { phase: "store", cause }));
    }
  }

  return {
    ask: <V extends Verb>(operation: Operation & { readonly verb: V }) =>
      new Promise<Answers[V]>((resolve, reject) => {
        waiting.push({
          operation,
          settle(answer) {
            if (isAnswerTo<V>(operation.verb, answer)) resolve(answer.answer);
            else if (answer.verb === "failed") reject(refusalOf(answer.failure));
            else reject(new TypeError(`the thread answers ${answer.verb} where it was asked ${operation.verb}`));
          },
          fail: reject,
        });
        if (underway === undefined && waiting.length >= ENOUGH) send();
        else schedule();
      }),
    watch(every) {
      interval = every;
      if (worker !== undefined) order(worker, { kind: "watch", interval });
    },
    async close() {
      if (underway !== undefined || waiting.length > 0) await new Promise<void>((resolve) => (idle = resolve));
      const closing = worker;
      worker = undefined;
      if (closing === undefined) return;
      const ended = new Promise<void>((resolve) => closing.once("exit", () => resolve()));
      closing.ref();
      order(closing, { kind: "close" });
      await ended;
    },
  };
}

/** What is added or settled in a batch is there for its claims. */
function claimsLast(batch: readonly Asked[]): readonly Asked[] {
  const isClaim = ({ operation }: Asked): boolean => operation.verb === "claim";
  return batch.some(isClaim) ? [...batch.filter((asked) => !isClaim(asked)), ...batch.filter(isClaim)] : batch;
}

function order(worker: Worker, message: Order, buffers: readonly ArrayBuffer[] = []): void {
  worker.postMessage(message, buffers);
}

/** In the workspace the sources run as they are. */
function workerUrl(): URL {
  return new URL(`./engine/worker.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);
}

/** The bytes of contents change hands instead of being copied. */
function buffersOf(asked: readonly Asked[]): readonly ArrayBuffer[] {
  return asked.flatMap(({ operation }) => {
    if (operation.verb !== "add" || !("data" in operation.request.body)) return [];
    const { buffer } = operation.request.body.data;
    return buffer instanceof ArrayBuffer ? [buffer] : [];
  });
}

function isAnswerTo<V extends Verb>(verb: V, answer: Answer): answer is Answer & AnswerTo<V> {
  return answer.verb === verb;
}
