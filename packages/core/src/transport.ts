import { DeliveryError, Refusal, verdictOf } from "./errors.ts";
import type { Mail } from "./mail.ts";
import type { Deferred, ForAll, Outcome, Receipt } from "./outcome.ts";
import { covers, merge, receipt } from "./outcome.ts";

export interface SendOptions {
  /** Honoured up to the commit point (the final dot, the last chunk), ignored after it. */
  readonly signal?: AbortSignal;
}

/**
 * Takes responsibility for mail. SMTP client, provider, queue, mailbox: each is one, and a middleware wraps one.
 *
 * Make one with `transport()`; it supplies what is easy to get wrong.
 */
export interface Transport<in M extends Mail = Mail> extends AsyncDisposable {
  /** For logs and spans. Composites print as expressions: `otel(failover(smtp:a resend))`. */
  readonly name: string;
  /**
   * Settles with one outcome per recipient of the envelope, in its order. Never throws, never delivers to anyone
   * else, and does not read the content after it has settled. May be called many times at once.
   */
  send(mail: M, options?: SendOptions): Promise<Receipt>;
  /** Can it send now? Throws a Refusal that says why not. */
  check(options?: SendOptions): Promise<void>;
}

/** How a transport sends. May throw a Refusal, not the signal's own reason, which then holds for every recipient of the mail. */
export type Send<M extends Mail> = (mail: M, options: SendOptions) => Promise<Receipt>;

/** The optional rest of a transport. */
export interface TransportRest {
  /** Throws a Refusal where sending cannot work now. By default every check passes. */
  readonly check?: (options: SendOptions) => Promise<void>;
  /** Called once, when the last send has settled. */
  readonly dispose?: () => Promise<void> | void;
}

/**
 * A total transport from a function that may throw. A Refusal becomes its verdict; any other throw is a bug and becomes
 * deferred 4.3.0 and uncertain, since nobody knows how far it got. So does what an abort throws, the signal's own reason
 * or an AbortError, as deferred 4.3.2: `fetch` rejects with it even where the mail has arrived. Whoever knows that
 * nothing was committed throws a Refusal of its own. A recipient that `send` forgets is deferred.
 * Disposing refuses further mail with 4.3.2, waits for what is in flight, then calls `dispose` once.
 */
export function transport<M extends Mail = Mail>(name: string, send: Send<M>, rest: TransportRest = {}): Transport<M> {
  const work = inFlight();
  let closed: Promise<void> | undefined;

  async function attempt(mail: M, options: SendOptions): Promise<Receipt> {
    try {
      const got = await send(mail, options);
      return covers(mail, got) ? got : merge(mail, got);
    } catch (error) {
      return receipt(mail, verdictOn(error, name, options.signal));
    } finally {
      work.leave();
    }
  }

  return {
    name,
    // Not async: a promise less for each layer and mail.
    send(mail, options = {}) {
      if (closed !== undefined) return Promise.resolve(receipt(mail, { ...disposed, by: name }));
      if (options.signal?.aborted === true) return Promise.resolve(receipt(mail, { ...aborted, by: name }));
      work.enter();
      return attempt(mail, options);
    },
    async check(options = {}) {
      if (closed !== undefined) throw new Refusal(disposed.status, disposed.message);
      await rest.check?.(options);
    },
    [Symbol.asyncDispose]() {
      closed ??= work.idle().then(() => rest.dispose?.());
      return closed;
    },
  };
}

/**
 * A transport around another, which it then owns: disposing it disposes `next`, and `check` asks `next`.
 * `send` calls `next.send` as often as it needs; its name prints as `name(next)`.
 */
export function wrap<In extends Mail, Out extends Mail>(
  name: string,
  next: Transport<Out>,
  send: Send<In>,
  rest: TransportRest = {},
): Transport<In> {
  return transport(`${name}(${next.name})`, send, {
    async check(options) {
      await rest.check?.(options);
      await next.check(options);
    },
    async dispose() {
      try {
        await rest.dispose?.();
      } finally {
        await next[Symbol.asyncDispose]();
      }
    },
  });
}

/** Lends a transport: the same sends, but disposing the loan does nothing. For one transport in two pipelines. */
export function borrow<M extends Mail>(owned: Transport<M>): Transport<M> {
  return {
    name: owned.name,
    send: (mail, options) => owned.send(mail, options),
    check: (options) => owned.check(options),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The edge for applications: resolves only if every recipient was accepted, else throws a DeliveryError. */
export async function deliver<M extends Mail>(to: Transport<M>, mail: M, options?: SendOptions): Promise<Receipt> {
  const got = await to.send(mail, options);
  if (got.outcomes.every(({ kind }) => kind === "accepted")) return got;
  throw new DeliveryError(got);
}

type Notice = Omit<ForAll<Deferred>, "by">;
const disposed: Notice = { kind: "deferred", status: "4.3.2", message: "the transport is disposed" };
const aborted: Notice = { kind: "deferred", status: "4.3.2", message: "aborted before the mail was sent" };
const interrupted: Notice = { kind: "deferred", status: "4.3.2", message: "aborted while the mail was being sent" };

/**
 * What was thrown as a verdict: a Refusal's own, and in doubt for an abort and for anything else. The reason of an abort
 * comes from its caller, who does not know how far the send got, not even where the reason is a Refusal.
 */
function verdictOn(error: unknown, by: string, signal: AbortSignal | undefined): ForAll<Outcome> {
  if (signal?.aborted === true && isAbort(error, signal)) {
    const verdict = error instanceof Refusal ? verdictOf(error, by) : undefined;
    return { ...(verdict?.kind === "deferred" ? verdict : { ...interrupted, by }), uncertain: true };
  }
  if (error instanceof Refusal) return verdictOf(error, by);
  const text = error instanceof Error ? `${error.name}: ${error.message}` : `a thrown ${typeof error}`;
  return {
    kind: "deferred",
    status: "4.3.0",
    by,
    message: `bug in ${by}: ${text}`,
    uncertain: true,
    diagnosis: { cause: error, advice: `Report this to the author of ${by}; a transport refuses by throwing a Refusal.` },
  };
}

function isAbort(error: unknown, { reason }: AbortSignal): boolean {
  return error === reason || (error instanceof Error && error.name === "AbortError");
}

function inFlight(): { enter(): void; leave(): void; idle(): Promise<void> } {
  let count = 0;
  let drained: (() => void) | undefined;
  return {
    enter() {
      count += 1;
    },
    leave() {
      count -= 1;
      if (count === 0) drained?.();
    },
    idle: () => (count === 0 ? Promise.resolve() : new Promise((resolve) => (drained = resolve))),
  };
}
