import type { Mail, Receipt, Transport } from "@postroad/core";
import { checkOptions, isInteger, isObject } from "@postroad/core";
import type { Concurrency } from "./concurrently.ts";
import { concurrently } from "./concurrently.ts";

/** What became of one mail of many: its receipt, or why it could not be composed or sent at all. */
export type Sent =
  | { readonly index: number; readonly receipt: Receipt; readonly error?: undefined }
  | { readonly index: number; readonly receipt?: undefined; readonly error: Error };

/**
 * Sends many mails, several at once, and gives what became of each as it is known, with its index. One that fails
 * stops nothing. The source is read no faster than results are taken. An error of the source or an abort ends the
 * iteration when what was under way has been told.
 */
export function sendAll<M extends Mail>(
  transport: Transport<M>,
  mails: Iterable<M> | AsyncIterable<M>,
  options: Concurrency = {},
): AsyncGenerator<Sent, void, undefined> {
  checkOptions("sendAll", options, { concurrency: isInteger(1, 100_000), signal: isObject });
  const sending = options.signal === undefined ? {} : { signal: options.signal };
  return concurrently(
    mails,
    async (mail, index): Promise<Sent> => {
      try {
        return { index, receipt: await transport.send(mail, sending) };
      } catch (error) {
        return { index, error: error instanceof Error ? error : new Error(`thrown: ${String(error)}`) };
      }
    },
    options,
  );
}
