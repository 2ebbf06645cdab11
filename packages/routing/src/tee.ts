import type { Envelope, Mail, Middleware, Receipt, Rules, Transport } from "@postroad/core";
import {
  ConfigError,
  DeliveryError,
  MAX_TIMER,
  checkOptions,
  envelope,
  isDuration,
  isFunction,
  isString,
  narrow,
  pick,
  receipt,
  wrap,
} from "@postroad/core";
import { emitWarning } from "node:process";
import { isAddress, isTransport } from "./several.ts";

export interface TeeOptions {
  /** Called where a copy failed: with a DeliveryError that has the copy's receipt, or whatever the other transport threw. */
  readonly onError: (error: unknown, mail: Mail) => void;
  /** Address that the copies are sent to, e.g. a journal mailbox, with the null reverse-path. @default the envelope's own recipients */
  readonly to?: string;
  /** Milliseconds after which a copy is aborted. @default 30_000 */
  readonly timeout?: number;
  /** Milliseconds after that in which the archive has to settle; then the receipt waits no longer. @default 5000 */
  readonly grace?: number;
}

const rules: Rules<TeeOptions> = {
  onError: isFunction,
  to: (value) => isString(value) ?? (isAddress(value) ? undefined : "must be an address"),
  timeout: isDuration,
  grace: isDuration,
};

/**
 * Sends a copy of what was accepted, for those who were, to another transport: an archive. Its failure changes no
 * receipt, but the receipt waits for it, since the content may be gone afterwards: until `timeout` and `grace` are over,
 * whatever the archive does. Owns the other transport.
 */
export function tee(copyTo: Transport, options: TeeOptions): Middleware {
  if (!isTransport(copyTo)) throw new ConfigError("tee", [{ path: "copyTo", message: "must be a transport" }]);
  checkOptions("tee", options, rules, ["onError"]);
  const { onError, to, timeout = 30_000, grace = 5000 } = options;

  async function copy(mail: Mail): Promise<void> {
    const envelopeOfCopy = to === undefined ? mail.envelope : journal(to, mail.envelope);
    const sent = { ...mail, envelope: envelopeOfCopy };
    const copying = copyTo.send(sent, { signal: AbortSignal.timeout(timeout) });
    const copied = await within(timeout + grace, copying, () => receipt(sent, { ...deaf, by: copyTo.name }));
    if (copied.outcomes.some(({ kind }) => kind !== "accepted")) throw new DeliveryError(copied);
  }

  async function tryCopy(mail: Mail, report: Receipt): Promise<void> {
    const taken = pick(mail, report, ({ kind }) => kind === "accepted");
    if (taken.length === 0) return;
    try {
      await copy(taken.length === mail.envelope.to.length ? mail : narrow(mail, taken));
    } catch (error) {
      tell(onError, error, mail);
    }
  }

  return <M extends Mail>(next: Transport<M>): Transport<M> =>
    wrap(
      "tee",
      next,
      async (mail: M, sending) => {
        const report = await next.send(mail, sending);
        await tryCopy(mail, report);
        return report;
      },
      {
        async dispose() {
          await copyTo[Symbol.asyncDispose]();
        },
      },
    );
}

const deaf = {
  kind: "deferred",
  status: "4.4.7",
  message: "the archive did not settle when its copy was aborted",
  uncertain: true,
  diagnosis: { advice: "The transport does not honour its signal: tell its author." },
} as const;

/** What comes of `work`, or of `otherwise` when the time is over; what comes later is of no interest. */
function within<T>(milliseconds: number, work: Promise<T>, otherwise: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(otherwise()), Math.min(milliseconds, MAX_TIMER));
    void work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** What the content itself asks of the way holds for the copy too. */
function journal(to: string, { smtputf8 = false, requireTls = false }: Envelope): Envelope {
  return envelope("", [to], { smtputf8, requireTls });
}

/** Nothing that happens to a copy may reach the mail, not even a handler that throws. */
function tell(onError: TeeOptions["onError"], error: unknown, mail: Mail): void {
  try {
    onError(error, mail);
  } catch (thrown) {
    emitWarning(`onError of tee threw: ${thrown instanceof Error ? thrown.message : "no error"}`, "PostroadWarning");
  }
}
