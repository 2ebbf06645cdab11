import type { Message, Receipt, SendOptions, Transport } from "@postroad/core";
import { checkOptions, deliver, isInteger, isObject } from "@postroad/core";
import type { Draft } from "@postroad/message";
import { createMessage } from "@postroad/message";
import type { Concurrency, Sent } from "@postroad/routing";
import { concurrently } from "@postroad/routing";
import type { Defaults } from "./defaults.ts";
import { checkDefaults, withDefaults } from "./defaults.ts";

/** A draft for a mailer: `from` may be left out where the defaults have one. */
export type DraftFor<D extends Defaults> = D extends { readonly from: NonNullable<Draft["from"]> }
  ? Omit<Draft, "from"> & Partial<Pick<Draft, "from">>
  : Draft;

/** An application's way to send mail. Dispose it to finish what is under way and close the transport. */
export interface Mailer<T extends Transport<Message>, D extends Defaults = Defaults> extends AsyncDisposable {
  /** The transport as it was given. */
  readonly transport: T;
  /**
   * Composes and sends one mail. Resolves when every recipient was accepted. Throws a MessageError for a draft that
   * must not be sent, and a DeliveryError with the whole receipt when anyone was refused or deferred.
   */
  send(draft: DraftFor<D> | Message, options?: SendOptions): Promise<Receipt>;
  /**
   * Sends many, several at once, and gives what became of each as it is known, with the index of its draft. A bad
   * mail or a refused recipient stops nothing. The source is read no faster than results are taken.
   */
  sendAll(
    drafts: Iterable<DraftFor<D> | Message> | AsyncIterable<DraftFor<D> | Message>,
    options?: Concurrency,
  ): AsyncGenerator<Sent, void, undefined>;
  /** Can it send now? Throws a Refusal that says why not. */
  check(options?: SendOptions): Promise<void>;
}

/** A mailer over any transport that takes messages. Throws a ConfigError for wrong defaults. */
export function createMailer<T extends Transport<Message>, const D extends Defaults = Defaults>(
  transport: T,
  defaults?: D,
): Mailer<T, D> {
  const complete = withDefaults(defaults ?? {});
  if (defaults !== undefined) checkDefaults(complete);

  function compose(draft: DraftFor<D> | Message): Message {
    return isMessage(draft) ? draft : createMessage(complete(draft));
  }

  async function sendOne(draft: DraftFor<D> | Message, index: number, signal: AbortSignal | undefined): Promise<Sent> {
    try {
      const receipt = await transport.send(compose(draft), signal === undefined ? {} : { signal });
      return { index, receipt };
    } catch (error) {
      return { index, error: error instanceof Error ? error : new Error(`thrown: ${String(error)}`) };
    }
  }

  return {
    transport,
    send: async (draft, options) => deliver(transport, compose(draft), options),
    sendAll(drafts, options = {}) {
      checkOptions("sendAll", options, { concurrency: isInteger(1, 100_000), signal: isObject });
      return concurrently(drafts, (draft, index) => sendOne(draft, index, options.signal), options);
    },
    check: (options) => transport.check(options),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

function isMessage(draft: unknown): draft is Message {
  return typeof draft === "object" && draft !== null && "fields" in draft && "envelope" in draft && "content" in draft;
}
