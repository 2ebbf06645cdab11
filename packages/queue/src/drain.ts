import type { Transport } from "@postroad/core";
import { Refusal, transport } from "@postroad/core";
import type { DrainOptions } from "./drain-options.ts";
import { resolveDrainOptions } from "./drain-options.ts";
import { emitter } from "./emitter.ts";
import type { EventStream } from "./event-stream.ts";
import { feed } from "./feed.ts";
import type { Flight } from "./flights.ts";
import { flights } from "./flights.ts";
import { laneMemory } from "./lane-memory.ts";
import { settler } from "./settler.ts";
import type { Store } from "./store.ts";
import { work } from "./work.ts";

/** Delivers what is in a store, until it is stopped or disposed. */
export interface Worker extends AsyncDisposable {
  /** For logs, e.g. `drain(sqlite:mail.db smtp:relay)`. */
  readonly name: string;
  /** Deliveries under way. */
  readonly inFlight: number;
  /** Everything that happens from now on. Past `limit` events that nobody took, the oldest are dropped, and counted. @default 1000 */
  events(limit?: number): EventStream;
  /**
   * Takes nothing more, finishes what is under way, and hands back what was not begun. What is not finished `within` so
   * many milliseconds is aborted, and, after `grace` more, left to its lease; a store that does not answer has as long again.
   * May be called again with less time.
   */
  stop(options?: { readonly within?: number }): Promise<void>;
}

/**
 * Starts to deliver what is in `store`, in the order of priority, fair between lanes, each recipient until it is accepted,
 * rejected or given up. At least once: what a worker delivered and could not write down is delivered again.
 *
 * `to` and `bounce` are the worker's: disposing it stops it and disposes them; lend with `borrow()`. The store stays yours.
 */
export function drain(store: Store, to: Transport, options: DrainOptions = {}): Worker {
  const policy = resolveDrainOptions(options);
  const { clock, bounce } = policy;
  const name = `drain(${store.name} ${to.name})`;
  const events = emitter(policy);
  const lanes = laneMemory(store, policy, events.emit);
  const flying = flights(store, policy, events.emit);
  const writing = settler(store, policy, events.emit, () => source.wake());
  // A transport that breaks its contract and throws leaves its mail in doubt, and nothing else.
  const total = transport(to.name, (mail, how) => to.send(mail, how));
  const desk = { name, store, to: total, policy, lanes, flights: flying, settler: writing, emit: events.emit };
  const free = (): number => policy.concurrency - flying.size;
  const source = feed({ store, policy, lanes, settler: writing, emit: events.emit, free, begin, refresh: flying.refresh });
  const hung = Promise.withResolvers<void>();
  let idle: (() => void) | undefined;
  let stopped: Promise<void> | undefined;
  let disposed: Promise<void> | undefined;

  function begin(lease: Flight["lease"], claimedAt: number, start?: Promise<boolean>): Promise<void> {
    if (flying.adopt(lease, claimedAt)) return Promise.resolve();
    const flight = flying.begin(lease, claimedAt);
    const done = start === undefined ? work(desk, flight) : start.then((isOn) => (isOn ? work(desk, flight) : handBack(lease)));
    return done
      .catch((error: unknown) => events.emit({ kind: "trouble", at: clock.now(), during: "deliver", key: lease.entry.key, error }))
      .finally(() => {
        flying.end(flight);
        source.ended();
        if (flying.size === 0) idle?.();
      });
  }

  async function handBack(lease: Flight["lease"]): Promise<void> {
    await writing.settle(lease, lease.entry);
  }

  async function end(): Promise<void> {
    await Promise.race([finish(), hung.promise]);
    flying.stop();
  }

  async function finish(): Promise<void> {
    await source.stop();
    if (flying.size > 0) await new Promise<void>((resolve) => (idle = resolve));
  }

  function hurry(within: number): void {
    const callOff = clock.after(within, () => {
      flying.abort(new Refusal("4.3.2", "the worker was stopped"));
      writing.giveUp();
      let last = clock.after(policy.grace, () => {
        flying.abandon();
        last = clock.after(policy.grace, hung.resolve);
      });
      void stopped?.then(() => last());
    });
    void stopped?.then(callOff);
  }

  function onAbort(): void {
    void stop();
  }

  function stop({ within }: { readonly within?: number } = {}): Promise<void> {
    if (stopped === undefined) {
      options.signal?.removeEventListener("abort", onAbort);
      stopped = end();
      // By then the leases of what cannot be written down have run out.
      const callOff = clock.after(policy.ttl, writing.giveUp);
      void stopped.then(callOff);
    }
    if (within !== undefined) hurry(within);
    return stopped;
  }

  /** A transport with a send that never settles is never done with disposing. */
  function patiently(disposal: PromiseLike<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const callOff = clock.after(policy.grace, resolve);
      disposal.then(resolve, reject).then(callOff, callOff);
    });
  }

  async function dispose(): Promise<void> {
    await stop();
    try {
      await patiently(to[Symbol.asyncDispose]());
    } finally {
      if (typeof bounce === "object") await patiently(bounce[Symbol.asyncDispose]());
      events.end();
    }
  }

  if (options.signal?.aborted === true) onAbort();
  else options.signal?.addEventListener("abort", onAbort);

  return {
    name,
    get inFlight() {
      return flying.size;
    },
    events: events.stream,
    stop,
    [Symbol.asyncDispose]() {
      disposed ??= dispose();
      return disposed;
    },
  };
}
